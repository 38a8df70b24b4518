//! What the queues hold, as far as the checker has seen it.

use std::collections::VecDeque;
use std::vec::Vec;

use super::event::ConnectionId;
use super::hash::{Map, Set};
use super::known::Known;
use super::ledger::MessageId;
use super::violation::Witness;

/// So many keys that clients have wanted kept are remembered.
const MOST_KEYS: usize = 4_096;

/// One account: its queue, and its connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The connections on which it is logged in.
    pub(super) online: Vec<ConnectionId>,
    /// In the order of the queue, where the store is seen.
    rows: VecDeque<Row>,
    /// How many rows have been before the first.
    forgotten: usize,
    /// Rows up to this id are not known.
    pub(super) unknown: i64,
    /// The greatest id that has been seen anywhere.
    pub(super) newest: i64,
    /// A sync that begins from now on must get this far: this id was notified or its message
    /// acknowledged.
    pub(super) due: i64,
    /// The keys that clients have wanted kept, above the one from which the server last began.
    pub(super) keys: Set<i64>,
    pub(super) began: i64,
    /// The greatest key that a client has wanted kept.
    pub(super) wanted: i64,
    /// How many persistent messages to or from the account were sent, and how many of them are
    /// over.
    pub(super) addressed: u64,
    pub(super) settled: u64,
    /// Some message of it was said again.
    pub(super) has_repeats: bool,
    /// The ids that were seen, where the store is not.
    pub(super) known: Known,
    /// The latest message of each connection among those that are stored.
    pub(super) order: Map<ConnectionId, u64>,
    /// Acknowledged messages, where the store is not seen.
    pub(super) acked: VecDeque<Acked>,
    pub(super) acked_before: usize,
}

/// A copy in a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) msgid: i64,
    pub(super) message: MessageId,
    /// The command that it was stored under, and the shop in it, if the command has one.
    pub(super) command: u8,
    pub(super) store: i64,
    /// The hash of its content, and its time.
    pub(super) content: u64,
    pub(super) stamp: i32,
    pub(super) device: Option<u64>,
    /// The event of the store.
    pub(super) number: u64,
}

/// A message that is in this queue since it was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    pub(super) message: MessageId,
    pub(super) at: u64,
    /// Its id is greater than this.
    pub(super) above: i64,
    pub(super) said: Witness,
}

impl Queue {
    /// A queue of which rows up to an id are not known.
    pub(super) fn new(unknown: i64) -> Self {
        let keys = Set::from_iter([0]);
        Self { unknown, keys, ..Self::default() }
    }

    pub(super) fn push(&mut self, row: Row) {
        if self.unknown == i64::MAX {
            self.unknown = row.msgid - 1;
        }
        self.newest = self.newest.max(row.msgid);
        self.rows.push_back(row);
    }

    /// Forgets the oldest row, or what was acknowledged first. Returns the message.
    pub(super) fn forget(&mut self) -> Option<MessageId> {
        if let Some(row) = self.rows.pop_front() {
            self.forgotten += 1;
            self.unknown = row.msgid;
            return Some(row.message);
        }
        self.acked_before += 1;
        self.acked.pop_front().map(|acked| acked.message)
    }

    /// The row at a place, counted from the first that there ever was.
    pub(super) fn at(&self, place: usize) -> Option<&Row> {
        self.rows.get(place.checked_sub(self.forgotten)?)
    }

    /// The row before a place, if it is remembered.
    pub(super) fn before(&self, place: usize) -> Option<&Row> {
        self.at(place.checked_sub(1)?)
    }

    /// The place behind the last row.
    pub(super) fn end(&self) -> usize {
        self.forgotten + self.rows.len()
    }

    /// The place of the first row above a key.
    pub(super) fn after(&self, key: i64) -> usize {
        self.forgotten + self.rows.partition_point(|row| row.msgid <= key)
    }

    pub(super) fn row(&self, msgid: i64) -> Option<&Row> {
        let index = self.rows.binary_search_by_key(&msgid, |row| row.msgid).ok()?;
        self.rows.get(index)
    }

    pub(super) fn last(&self) -> Option<&Row> {
        self.rows.back()
    }

    /// The id of the newest row that was stored before an event, 0 if there was none.
    pub(super) fn newest_before(&self, event: u64) -> i64 {
        let mut rows = self.rows.iter().rev();
        rows.find(|row| (..event).contains(&row.number)).map_or(0, |row| row.msgid)
    }

    /// What its METADATA must say was before a row; `None` if that is not known.
    pub(super) fn previous(&self, msgid: i64) -> Option<i64> {
        let place = self.after(msgid - 1);
        match self.before(place) {
            Some(row) => Some(row.msgid),
            None => (self.unknown <= 0).then_some(0),
        }
    }

    /// A client that makes keys up is not followed for ever.
    pub(super) fn follows_keys(&self) -> bool {
        self.keys.len() < MOST_KEYS
    }

    pub(super) fn is_idle(&self) -> bool {
        self.online.is_empty() && self.rows.is_empty() && self.acked.is_empty()
    }
}
