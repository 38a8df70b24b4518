//! All that the checker knows, and what its parts share.

use std::boxed::Box;
use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::clock::Clock;
use super::event::{ConnectionId, ServerId};
use super::form::{Parties, Shop};
use super::hash::Map;
use super::ledger::{self, Ledger, Message, MessageId};
use super::line::Line;
use super::queue::{Acked, Queue, Row};
use super::terms::{Repeats, Terms};
use super::violation::{Seen, Violation, Witness};
use super::wire::Chat;
use crate::id::{Account, AppId};

pub(super) type Verdict = Result<(), Violation>;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) terms: Terms,
    pub(super) kefu_app: i64,
    /// Whom a token names, by its hash.
    pub(super) tokens: Map<u64, Account>,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) queues: Map<Account, Queue>,
    pub(super) lines: Map<ConnectionId, Box<Line>>,
    /// What a queue is of which nothing is known.
    none: Queue,
    /// The queues of rows that are remembered, oldest first.
    rows: VecDeque<Account>,
    /// The numbers of devices, and the devices of numbers (S1.2).
    pub(super) numbers: Map<u64, i64>,
    pub(super) devices: Map<i64, u64>,
    /// What the host remembers of an account on a platform (D1.8).
    pub(super) kept_dialects: Map<(Account, u8), crate::dialect::Dialect>,
    /// Copies have been seen to be stored.
    pub(super) sees_store: bool,
    /// Servers that have connections.
    pub(super) server: Option<ServerId>,
    pub(super) has_many_servers: bool,
    /// The event that is being checked.
    pub(super) now: Witness,
}

impl State {
    pub(super) fn new(terms: Terms) -> Self {
        let AppId(kefu_app) = terms.config.kefu_appid();
        let clock = Clock::new(terms.clock_error);
        Self {
            terms,
            kefu_app,
            tokens: Map::default(),
            clock,
            ledger: Ledger::default(),
            queues: Map::default(),
            lines: Map::default(),
            none: Queue::new(unknown(&terms)),
            rows: VecDeque::new(),
            numbers: Map::default(),
            devices: Map::default(),
            kept_dialects: Map::default(),
            sees_store: false,
            server: None,
            has_many_servers: false,
            now: Witness { number: 0, what: Seen::Other },
        }
    }

    /// A rule is broken, as the present event shows with earlier ones.
    pub(super) fn breaks(
        &self,
        rule: &'static str,
        explanation: String,
        earlier: &[Witness],
    ) -> Violation {
        let mut events: Vec<Witness> = earlier.to_vec();
        events.push(self.now);
        events.sort_by_key(|event| event.number);
        events.dedup();
        Violation::new(rule, explanation, events)
    }

    pub(super) fn queue(&mut self, account: Account) -> &mut Queue {
        let unknown = self.none.unknown;
        self.queues.entry(account).or_insert_with(|| Queue::new(unknown))
    }

    /// What is known of a queue, so far.
    pub(super) fn queue_of(&self, account: Account) -> &Queue {
        self.queues.get(&account).unwrap_or(&self.none)
    }

    pub(super) fn opened(&mut self, connection: ConnectionId, server: ServerId) {
        self.now.what = Seen::Opened(connection);
        self.has_many_servers |= self.server.replace(server).is_some_and(|other| other != server);
        self.lines.insert(connection, Box::new(Line::new(connection, server)));
    }

    /// Something happens on a connection. `None` if there is none of this id, or not any more.
    pub(super) fn on(
        &mut self,
        connection: ConnectionId,
        what: impl FnOnce(&mut Self, &mut Line) -> Verdict,
    ) -> Option<Verdict> {
        // The line is out of the map while it is changed together with the rest.
        let mut line = self.lines.remove(&connection)?;
        let verdict = what(self, &mut line);
        self.lines.insert(connection, line);
        Some(verdict)
    }

    /// The same, where it does not matter if there is none.
    pub(super) fn at(
        &mut self,
        connection: ConnectionId,
        what: impl FnOnce(&mut Self, &mut Line) -> Verdict,
    ) -> Verdict {
        self.on(connection, what).unwrap_or(Ok(()))
    }

    /// H7.4: whoever is gone is given nothing.
    pub(super) fn is_gone(&self, connection: ConnectionId) -> Verdict {
        let what = format!("{connection} is given something, and is closed");
        Err(self.breaks("H7.4", what, &[]))
    }

    /// A connection that nothing happens on right now.
    pub(super) fn line(&self, connection: ConnectionId) -> Option<&Line> {
        self.lines.get(&connection).map(Box::as_ref)
    }

    pub(super) fn line_mut(&mut self, connection: ConnectionId) -> Option<&mut Line> {
        self.lines.get_mut(&connection).map(Box::as_mut)
    }

    /// The parties of a message, and the number that it is known under.
    pub(super) fn key(&self, chat: &Chat<'_>) -> (Parties, u64, bool) {
        let parties = Parties::of(chat, self.kefu_app);
        let mark = match self.terms.repeats {
            Repeats::Once { mark } => mark(chat.content),
            Repeats::Stored => None,
        };
        let key = ledger::key(parties, mark.ok_or(chat.hash));
        (parties, key, mark.is_some())
    }

    /// The message that this is, in whatever form.
    pub(super) fn find(&self, chat: &Chat<'_>) -> Option<(MessageId, &Message)> {
        let (_, key, _) = self.key(chat);
        let id = self.ledger.find(key)?;
        Some((id, &self.ledger[id]))
    }

    /// D2.4
    pub(super) fn shop(&self, customer: Account, seller: Account) -> Shop {
        self.terms.store_id.map_or(Shop::Any, |shop| Shop::Only(shop(customer, seller)))
    }

    /// Remembers a row of a queue.
    pub(super) fn remember(&mut self, account: Account, row: Row) {
        self.ledger.has_row(row.message);
        self.queue(account).push(row);
        self.remembers(account);
    }

    /// Remembers that an acknowledged message is in a queue, where the store is not seen.
    pub(super) fn remember_acked(&mut self, account: Account, acked: Acked) {
        self.ledger.has_row(acked.message);
        self.queue(account).acked.push_back(acked);
        self.remembers(account);
    }

    /// Whether nothing was there before it looked, nor is forgotten.
    pub(super) const fn remembers_all(&self) -> bool {
        self.none.unknown == 0
    }

    /// Forgets the oldest where there are too many.
    fn remembers(&mut self, account: Account) {
        self.rows.push_back(account);
        let spare = self.rows.len().saturating_sub(self.terms.memory);
        let oldest: Vec<Account> = self.rows.drain(..spare).collect();
        for account in oldest {
            // What is not in the map may have been.
            self.none.unknown = i64::MAX;
            let queue = self.queue(account);
            let (message, is_idle) = (queue.forget(), queue.is_idle());
            self.ledger.forgot(message.as_slice());
            if is_idle {
                self.queues.remove(&account);
            }
        }
    }
}

/// Up to where the rows of a queue are not known at first.
const fn unknown(terms: &Terms) -> i64 {
    if terms.begins_empty { 0 } else { i64::MAX }
}

/// The error unless `holds`.
pub(super) fn demand(holds: bool, broken: impl FnOnce() -> Violation) -> Verdict {
    if holds { Ok(()) } else { Err(broken()) }
}
