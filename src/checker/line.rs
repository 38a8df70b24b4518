//! A connection, as the checker sees it.

use std::collections::VecDeque;
use std::vec::Vec;

use super::event::{ConnectionId, ServerId};
use super::form::Dialects;
use super::ledger::{Copy, MessageId};
use super::reading::{Chain, Reading, Start};
use super::violation::Witness;
use crate::dialect::Dialect;
use crate::id::Account;

/// So many things that a connection is owed are remembered.
pub(super) const DEBTS: usize = 64;

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Line {
    pub(super) id: ConnectionId,
    pub(super) server: ServerId,
    /// What has come of a frame that is not whole yet, each way.
    pub(super) from_client: Vec<u8>,
    pub(super) from_server: Vec<u8>,
    /// The client has sent a frame that is refused (S7.1).
    pub(super) is_broken: bool,
    /// Who is logged in, once all that the client has sent so far is handled.
    pub(super) session: Option<Session>,
    /// Who is logged in, by what the server has said or the host has told.
    pub(super) online: Option<Online>,
    /// AUTH_STATUS 0 has been written.
    pub(super) is_greeted: bool,
    /// What is still to be answered, in order (S11.1).
    pub(super) pending: VecDeque<Pending>,
    /// The host was seen to take messages from it.
    pub(super) sees_inside: bool,
    /// Bytes of the client have been seen, and of the server.
    pub(super) sees_sent: bool,
    pub(super) sees_received: bool,
    /// How many messages the client has sent, and how many frames the server.
    pub(super) said: u64,
    pub(super) written: i32,
    /// The last seqs of messages that had no ACK when something later was answered.
    pub(super) passed: VecDeque<i32>,
    /// The METADATA written last, if nothing has been written behind it.
    pub(super) metadata: Option<Keys>,
    /// The greatest key that the client wanted kept.
    pub(super) wanted: i64,
    /// What the host has said of the SYNC that it begins to answer.
    pub(super) start: Option<Start>,
    pub(super) reading: Option<Reading>,
    pub(super) chain: Chain,
    /// The key of the last SYNC_END.
    pub(super) synced: Option<i64>,
    /// The queue goes on, so this SYNC_NOTIFY must follow at once (S12.3).
    pub(super) owed: Option<i64>,
    /// The client has been told so and has not asked again (S12.4).
    pub(super) is_behind: bool,
    /// This SYNC_NOTIFY may tell so, and may have.
    pub(super) may_go_on: Option<i64>,
    pub(super) may_be_behind: bool,
    /// When it was seen to have asked on: until then the host may have told it nothing.
    pub(super) behind_until: u64,
    /// When the last METADATA was written, and since when the last answer was.
    pub(super) copied_at: u64,
    pub(super) answered_since: u64,
    /// The greatest id that was notified, and when the last one was.
    pub(super) notified: i64,
    pub(super) notified_at: u64,
    /// The last ids that were notified.
    pub(super) recent: [i64; 8],
    /// What the host was seen to give it: the greatest id that was notified.
    pub(super) given: i64,
    pub(super) given_at: u64,
    pub(super) credit: Credit,
    /// A dialect of which the host has not been told (D1.8).
    pub(super) untold: Option<Dialect>,
    pub(super) debts: VecDeque<Debt>,
}

/// A login that has been sent and is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) account: Account,
    pub(super) version: u8,
    pub(super) platform: u8,
    /// The hash of the device (S1.2).
    pub(super) device: u64,
    pub(super) dialects: Dialects,
}

/// A login that the server has accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Online {
    pub(super) session: Session,
    /// The event.
    pub(super) since: u64,
    /// What the client has shown by what has been answered (D1.6): what is received now may have
    /// been written then.
    pub(super) dialects: Dialects,
    /// What it has shown by what the host has taken.
    pub(super) now: Dialects,
}

/// What a METADATA says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) key: i64,
    pub(super) previous: i64,
}

/// Something that the client has sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) sent: Witness,
    pub(super) what: Sent,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sent {
    /// An AUTH_TOKEN: the session that it leads to, or a refusal.
    Login(Option<Session>),
    Ping,
    Sync {
        key: i64,
        /// The least key that must be kept by then.
        least: i64,
        /// How far the answer must get at least.
        due: i64,
        /// The dialects in which it may begin.
        dialects: Dialects,
    },
    Chat(Attempt),
    /// A command outside W3, and the hash of the frame.
    Unlisted(u64),
}

/// A message that is to be handled.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Attempt {
    /// `None` where only a handled CUSTOMER_V2 was seen, which has none (H14.11).
    pub(super) seq: Option<i32>,
    pub(super) message: MessageId,
    /// The rule that refuses it.
    pub(super) refused: Option<&'static str>,
    pub(super) is_unpersistent: bool,
    pub(super) shows: Dialect,
    /// The host has taken it.
    pub(super) came: bool,
    /// The host goes on with both copies of it.
    pub(super) confirmed: bool,
    /// A save for it has failed.
    pub(super) failed: Option<Witness>,
    /// Its ACK has been given to the connection.
    pub(super) given: bool,
}

/// How many notifies there may be, where nothing tells what each is about: one for each message to or
/// from the account that this connection has not sent itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Credit {
    /// How many messages of the account were over when the connection came.
    pub(super) before: u64,
    /// How many this connection has sent.
    pub(super) own: u64,
    /// How many notifies of a new id there were.
    pub(super) used: u64,
    /// How many came that nothing accounts for.
    pub(super) spared: u32,
}

/// Something that a connection must be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debt {
    pub(super) what: Owed,
    /// The message that it is about, and the ACK that tells that it is due.
    pub(super) said: Witness,
    pub(super) acked: Witness,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Owed {
    /// A SYNC_NOTIFY of this id or a greater one.
    Notify(Copy, i64),
    /// A SYNC_NOTIFY of an id that is not known.
    AnyNotify(Copy),
    /// An unpersistent message, or a live copy.
    Chat(MessageId),
    Copy(MessageId),
}

impl Line {
    pub(super) fn new(id: ConnectionId, server: ServerId) -> Self {
        Self {
            id,
            server,
            from_client: Vec::new(),
            from_server: Vec::new(),
            is_broken: false,
            session: None,
            online: None,
            is_greeted: false,
            pending: VecDeque::new(),
            sees_inside: false,
            sees_sent: false,
            sees_received: false,
            said: 0,
            written: 0,
            passed: VecDeque::new(),
            metadata: None,
            wanted: 0,
            start: None,
            reading: None,
            chain: Chain::default(),
            synced: None,
            owed: None,
            is_behind: false,
            may_go_on: None,
            may_be_behind: false,
            behind_until: 0,
            copied_at: 0,
            answered_since: 0,
            notified: 0,
            notified_at: 0,
            recent: [0; 8],
            given: 0,
            given_at: 0,
            credit: Credit::default(),
            untold: None,
            debts: VecDeque::new(),
        }
    }

    /// In which dialects something may have been written that is received now.
    pub(super) fn dialects(&self) -> Dialects {
        let answered = self.online.map_or(Dialects::ANY, |online| online.dialects);
        self.shown().map(|(_, shown)| shown).fold(answered, Dialects::or)
    }

    /// In which dialects the host may write now.
    pub(super) fn dialects_now(&self) -> Dialects {
        let taken = self.online.map_or(Dialects::ANY, |online| online.now);
        let shown = self.shown().filter(|(came, _)| !came).map(|(_, shown)| shown);
        shown.fold(taken, Dialects::or)
    }

    /// What the messages that wait for an answer show, and whether the host has taken them.
    fn shown(&self) -> impl Iterator<Item = (bool, Dialects)> {
        self.pending.iter().filter_map(|pending| match &pending.what {
            Sent::Chat(it) if it.refused.is_none() => Some((it.came, Dialects::only(it.shows))),
            _ => None,
        })
    }

    pub(super) fn account(&self) -> Option<Account> {
        self.online.map(|online| online.session.account)
    }

    /// Whoever has to ask anyway is not notified (S12.4).
    pub(super) const fn asks_on(&self) -> bool {
        self.is_behind || self.may_be_behind || self.owed.is_some()
    }

    /// Whether it has asked for more than it has got.
    pub(super) fn has_asked(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.what, Sent::Sync { .. }))
    }

    /// Something more is owed. Of too many, the oldest are kept.
    pub(super) fn owes(&mut self, debt: Debt) {
        if self.debts.len() == DEBTS {
            self.debts.pop_back();
        }
        self.debts.push_back(debt);
    }

    /// A SYNC_NOTIFY has been sent.
    pub(super) fn was_notified(&mut self, msgid: i64, now: u64) {
        self.notified = self.notified.max(msgid);
        self.notified_at = now;
        self.debts.retain(|debt| match debt.what {
            Owed::Notify(_, id) => id > msgid,
            Owed::AnyNotify(_) => false,
            Owed::Chat(_) | Owed::Copy(_) => true,
        });
    }

    /// S12.6: of what has waited for the end of an answer, whoever has to ask on is not notified.
    pub(super) fn asks_anyway(&mut self) {
        self.debts.retain(|debt| matches!(debt.what, Owed::Chat(_) | Owed::Copy(_)));
    }

    /// Whether it has just been notified of this id. From now on it has.
    pub(super) fn notifies_again(&mut self, msgid: i64) -> bool {
        let again = self.recent.contains(&msgid);
        if !again {
            self.recent.rotate_right(1);
            self.recent[0] = msgid;
        }
        again
    }

    /// A message itself has been sent.
    pub(super) fn was_reached(&mut self, message: MessageId) {
        self.debts.retain(|debt| match debt.what {
            Owed::Chat(id) | Owed::Copy(id) => id != message,
            Owed::Notify(..) | Owed::AnyNotify(_) => true,
        });
    }
}
