//! What clients have said.

use core::ops::{Index, IndexMut};
use std::collections::VecDeque;
use std::vec::Vec;

use super::clock::Moment;
use super::event::ConnectionId;
use super::form::{Form, Parties};
use super::hash::Map;
use super::violation::Witness;
use super::wire::{Chat, command::CUSTOMER_V2, flag::UNPERSISTENT};
use crate::id::Account;

/// A message under the number that the ledger has for it: its place, and how many have had that
/// place before.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct MessageId(usize, u64);

/// Which of the two copies of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Copy {
    Receivers,
    Senders,
}

/// One form in which a message was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Variant {
    pub(super) form: Form,
    pub(super) content: u64,
}

/// A message, however often it was said: repeats are the same one (S10.1).
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) parties: Parties,
    /// As it was said first, and the other ways in which it was said.
    pub(super) first: Variant,
    others: Vec<Variant>,
    /// Whether the store knows a repeat of it.
    pub(super) marked: bool,
    /// The first time, and what the clock showed.
    pub(super) said: Witness,
    pub(super) since: Moment,
    /// Why nothing may come of it, as long as it was only refused or ignored.
    pub(super) dead: Option<&'static str>,
    /// How often it was said where the host was to handle it, and from which connections.
    pub(super) tries: u32,
    pub(super) order: Order,
    /// The device that has sent it, by its hash; `None` if it was several.
    pub(super) device: Option<u64>,
    /// How many of these have had their ACK, and how many may still have one.
    pub(super) acks: u32,
    pub(super) pending: u32,
    /// The copies of the receiver and the sender: how many, and the first's ids.
    pub(super) copies: [u32; 2],
    pub(super) msgids: [i64; 2],
    /// When there were both.
    pub(super) saved: Option<u64>,
    /// Whether the store has told what was before each copy (H14.9).
    pub(super) continues: [bool; 2],
    /// The connections that have been given a live copy of it, or the message itself (H6.1), and
    /// whether it was written.
    reached: Vec<(ConnectionId, bool)>,
    /// The newest ids of both queues when it was said first: its own are greater.
    pub(super) above: [i64; 2],
    /// How many rows are this message.
    rows: u32,
}

/// On which connections a message was said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Nowhere,
    /// On this one alone, first and last as its message of these numbers.
    On {
        connection: ConnectionId,
        first: u64,
        last: u64,
    },
    Elsewhere,
}

/// All messages that may still matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    messages: Vec<(u64, Message)>,
    free: Vec<usize>,
    by_key: Map<u64, MessageId>,
    /// In the order in which they were said first, each with its key.
    age: VecDeque<(MessageId, u64)>,
}

impl Copy {
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Receivers => 0,
            Self::Senders => 1,
        }
    }
}

impl Variant {
    pub(super) fn of(chat: &Chat<'_>, flags: u8) -> Self {
        let form = Form { command: chat.command, flags, ids: chat.ids };
        Self { form, content: chat.hash }
    }

    /// H6, H13.5
    pub(super) const fn is_unpersistent(&self) -> bool {
        self.form.command != CUSTOMER_V2 && self.form.flags & UNPERSISTENT != 0
    }
}

impl Message {
    pub(super) fn new(
        (parties, marked): (Parties, bool),
        first: Variant,
        said: Witness,
        since: Moment,
    ) -> Self {
        Self {
            parties,
            first,
            others: Vec::new(),
            marked,
            said,
            since,
            dead: None,
            tries: 0,
            order: Order::Nowhere,
            device: None,
            acks: 0,
            pending: 0,
            copies: [0; 2],
            msgids: [0; 2],
            saved: None,
            continues: [false; 2],
            reached: Vec::new(),
            above: [0; 2],
            rows: 0,
        }
    }

    /// The forms of this content, persistent or not.
    pub(super) fn variants(
        &self,
        content: u64,
        unpersistent: bool,
    ) -> impl Iterator<Item = &Variant> {
        let wanted = move |variant: &&Variant| {
            variant.content == content && variant.is_unpersistent() == unpersistent
        };
        self.all_variants().filter(wanted)
    }

    pub(super) fn is_v2(&self) -> bool {
        self.all_variants().any(|variant| variant.form.command == CUSTOMER_V2)
    }

    pub(super) fn add_variant(&mut self, variant: Variant) {
        if !self.all_variants().any(|known| *known == variant) {
            self.others.push(variant);
        }
    }

    fn all_variants(&self) -> impl Iterator<Item = &Variant> {
        core::iter::once(&self.first).chain(&self.others)
    }

    /// In whose queue a copy of it belongs.
    pub(super) const fn account_of(&self, copy: Copy) -> Account {
        match copy {
            Copy::Receivers => self.parties.receiver,
            Copy::Senders => self.parties.sender,
        }
    }

    /// H7
    pub(super) const fn is_saved(&self) -> bool {
        self.copies[0] > 0 && self.copies[1] > 0
    }

    /// The handler is to see it as the message of this number of a connection.
    pub(super) fn tried(&mut self, connection: ConnectionId, place: u64, device: u64) {
        self.device =
            if self.tries == 0 { Some(device) } else { self.device.filter(|it| *it == device) };
        self.tries += 1;
        self.pending += 1;
        self.dead = None;
        self.order = match self.order {
            Order::Nowhere => Order::On { connection, first: place, last: place },
            Order::On { connection: before, first, .. } if before == connection => {
                Order::On { connection, first, last: place }
            }
            _ => Order::Elsewhere,
        };
    }

    /// Whether a connection has been given the message itself.
    pub(super) fn has_reached(&self, connection: ConnectionId) -> bool {
        self.reached.iter().any(|(to, _)| *to == connection)
    }

    /// The message itself is given to a connection, or written. Returns whether it was already.
    pub(super) fn reaches(&mut self, connection: ConnectionId, written: bool) -> bool {
        let again = self.reached.contains(&(connection, written));
        if !again {
            self.reached.push((connection, written));
        }
        again
    }

    /// A copy has been stored.
    pub(super) fn stored(&mut self, copy: Copy, msgid: i64, now: u64) {
        let count = &mut self.copies[copy.index()];
        *count += 1;
        if *count == 1 {
            self.msgids[copy.index()] = msgid;
        }
        if self.is_saved() && self.saved.is_none() {
            self.saved = Some(now);
        }
    }

    /// Nothing more is expected of it.
    const fn is_over(&self) -> bool {
        self.pending == 0 && self.rows == 0
    }
}

impl Ledger {
    pub(super) fn find(&self, key: u64) -> Option<MessageId> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn add(&mut self, key: u64, message: Message) -> MessageId {
        let id = if let Some(index) = self.free.pop() {
            let (life, place) = &mut self.messages[index];
            (*life, *place) = (*life + 1, message);
            MessageId(index, *life)
        } else {
            self.messages.push((0, message));
            MessageId(self.messages.len() - 1, 0)
        };
        self.by_key.insert(key, id);
        self.age.push_back((id, key));
        id
    }

    /// There is a row of it to remember.
    pub(super) fn has_row(&mut self, id: MessageId) {
        self[id].rows += 1;
    }

    /// Rows of these messages are not remembered any more.
    pub(super) fn forgot(&mut self, messages: &[MessageId]) {
        for id in messages {
            self[*id].rows -= 1;
        }
    }

    /// Forgets the oldest messages of which nothing more is expected, where there are too many, but
    /// never the latest. A few at a time: it is called for each new one.
    pub(super) fn forget(&mut self, limit: usize, latest: MessageId) {
        let spare = self.age.len().saturating_sub(limit).min(4);
        let oldest: Vec<_> = self.age.drain(..spare).collect();
        for (id, key) in oldest {
            if self[id].is_over() && id != latest {
                self.free.push(id.0);
                self.by_key.remove(&key);
            } else {
                self.age.push_back((id, key));
            }
        }
    }
}

impl Index<MessageId> for Ledger {
    type Output = Message;

    fn index(&self, MessageId(index, _): MessageId) -> &Message {
        &self.messages[index].1
    }
}

impl IndexMut<MessageId> for Ledger {
    fn index_mut(&mut self, MessageId(index, _): MessageId) -> &mut Message {
        &mut self.messages[index].1
    }
}

/// Under what a message is known: who says it to whom, and its mark or else its content.
pub(super) fn key(parties: Parties, mark: Result<&[u8], u64>) -> u64 {
    super::hash::hash((parties, mark))
}
