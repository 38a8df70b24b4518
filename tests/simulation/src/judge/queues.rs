//! What the store has: every copy is checked when it is appended.

use std::collections::HashSet;

use bytes::Bytes;

use super::ledger::Tries;
use super::{Judge, Rule, Verdict};
use crate::cast::User;
use crate::clock::Clock;
use crate::wire::{CHAT, STAMP, int32};

/// A queue as it was appended to.
pub(super) struct Queue {
    pub(super) user: User,
    pub(super) rows: Vec<Row>,
    /// The connections on which its owner is logged in.
    pub(super) online: Vec<usize>,
    /// The keys that its clients wanted kept, and where the server last began from a kept one.
    pub(super) keys: HashSet<i64>,
    pub(super) began: i64,
}

pub(super) struct Row {
    pub(super) msgid: i64,
    pub(super) number: usize,
    pub(super) body: Bytes,
}

/// A copy that is being stored.
pub(crate) struct Saving<'c> {
    pub(crate) queue: User,
    pub(crate) msgid: i64,
    pub(crate) command: u8,
    pub(crate) body: &'c Bytes,
}

impl Queue {
    pub(super) fn new(user: User) -> Self {
        Self { user, rows: Vec::new(), online: Vec::new(), keys: HashSet::from([0]), began: 0 }
    }

    pub(super) fn newest(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.msgid)
    }

    pub(super) fn row(&self, msgid: i64) -> Option<&Row> {
        let index = self.rows.binary_search_by_key(&msgid, |row| row.msgid).ok()?;
        Some(&self.rows[index])
    }
}

impl Judge {
    /// The store has appended a copy.
    pub(crate) fn appended(&mut self, clock: &Clock, now: u64, saving: &Saving<'_>) -> Verdict {
        let &Saving { queue: user, msgid, command, body } = saving;
        let number = self.recognize(clock, now, command, body)?;
        let queue = self.queue_of(user);
        let message = self.ledger.get_mut(number);
        let parties = message.parties;
        let what = || format!("message {number} in the queue of {user:?}");
        Rule::UnpersistentIsNotStored.demands(!message.is_unpersistent(), what)?;
        let copy = match (queue == parties.receiver, queue == parties.sender) {
            // To oneself: one queue has both.
            (true, true) => usize::from(message.copies[0] > message.copies[1]),
            (true, false) => 0,
            (false, true) => 1,
            (false, false) => return Err(Rule::PartiesOnly.broken(what())),
        };
        message.copies[copy] += 1;
        if message.copies[copy] == 1 {
            message.ids[copy] = msgid;
            self.in_order(queue, number)?;
        } else {
            Rule::ExactlyOnce.demands(!self.terms.idempotent, what)?;
        }
        let row = Row { msgid, number, body: body.clone() };
        assert!(msgid > self.queues[queue].newest(), "the simulated store's ids grow");
        self.queues[queue].rows.push(row);
        Ok(())
    }

    /// What the host would read as a queue at the end of all things is what was appended.
    pub(crate) fn compare_queue(
        &self,
        user: User,
        stored: impl ExactSizeIterator<Item = i64>,
    ) -> Verdict {
        let rows = self.users.get(&user).map_or(&[][..], |&queue| &self.queues[queue].rows);
        let same = rows.len() == stored.len() && rows.iter().map(|row| row.msgid).eq(stored);
        Rule::BothCopies.demands(same, || format!("the queue of {user:?} has lost a message"))
    }

    /// The message that a body belongs to, unchanged except for the timestamp, and not one that
    /// must never be seen.
    pub(super) fn recognize(
        &self,
        clock: &Clock,
        now: u64,
        command: u8,
        body: &[u8],
    ) -> Result<usize, super::Violation> {
        let Some(number) = self.ledger.find(command, body) else {
            return Err(Rule::SameBytes.broken("a message that nobody has said"));
        };
        let message = self.ledger.get(number);
        let same = command == message.command
            && body.len() >= CHAT
            && body[..STAMP] == message.head
            && body[CHAT..] == message.content;
        Rule::SameBytes.demands(same, || format!("message {number}"))?;
        Rule::RefusedIsNothing.demands(!message.refused, || format!("message {number}"))?;
        let handled = !matches!(message.tries, Tries::None);
        Rule::IgnoredIsNothing.demands(handled, || format!("message {number}"))?;
        let stamp = int32(&body[STAMP..]);
        Rule::ServerTime.demands(clock.showed(stamp, message.since, now), || {
            format!("message {number} bears {stamp}, the clock shows {}", clock.read(now))
        })?;
        Ok(number)
    }

    /// The first copy of a message may not come behind a later message of its connection.
    fn in_order(&mut self, queue: usize, number: usize) -> Verdict {
        let Tries::On { link, first, last } = self.ledger.get(number).tries else { return Ok(()) };
        let order = &mut self.lines[link].order;
        let Some((_, latest)) = order.iter_mut().find(|(other, _)| *other == queue) else {
            order.push((queue, first));
            return Ok(());
        };
        let holds = last >= *latest;
        *latest = first.max(*latest);
        Rule::SenderOrder.demands(holds, || {
            format!("message {number} of connection {link} comes too late into a queue")
        })
    }

    /// A client wants this key kept (S3).
    pub(crate) fn asked_to_keep(&mut self, link: usize, client: usize, key: i64) {
        let kept = &mut self.lines[link].kept;
        *kept = key.max(*kept);
        let queue = self.clients[client].queue;
        self.queues[queue].keys.insert(key);
    }
}
