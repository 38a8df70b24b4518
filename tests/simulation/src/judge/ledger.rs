//! What was said, each message under its number. The number travels in the store id, which no rule
//! looks at (H2.4, H3.3): so contents may be anything, and a stored or delivered message is still
//! known. A CUSTOMER_V2 has no store id, and a translation drops it: there the content begins with
//! the number.

use bytes::Bytes;

use crate::cast::User;
use crate::wire::{
    CHAT, CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, MAX_CONTENT, STAMP, UNPERSISTENT, int64,
};

#[derive(Default)]
pub(super) struct Ledger {
    messages: Vec<Sent>,
}

impl Ledger {
    pub(super) fn add(&mut self, sent: Sent) -> usize {
        self.messages.push(sent);
        self.messages.len() - 1
    }

    pub(super) fn next_mark(&self) -> i64 {
        mark_of(self.messages.len())
    }

    pub(super) fn get(&self, number: usize) -> &Sent {
        &self.messages[number]
    }

    pub(super) fn get_mut(&mut self, number: usize) -> &mut Sent {
        &mut self.messages[number]
    }

    /// Which message a body belongs to, if any.
    pub(super) fn find(&self, command: u8, body: &[u8]) -> Option<usize> {
        let place = if command == CUSTOMER_V2 { CHAT..CHAT + 8 } else { 16..24 };
        let number = number_of(int64(body.get(place)?));
        (number < self.messages.len()).then_some(number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.messages.iter()
    }
}

/// From both ends of the numbers at once: `i64::MIN`, `i64::MAX`, `i64::MIN + 1` …
fn mark_of(number: usize) -> i64 {
    let half = i64::try_from(number / 2).unwrap();
    if number % 2 == 0 { i64::MIN + half } else { i64::MAX - half }
}

fn number_of(mark: i64) -> usize {
    let (distance, odd) =
        if mark < 0 { (mark.wrapping_sub(i64::MIN), 0) } else { (i64::MAX - mark, 1) };
    usize::try_from(distance).unwrap().saturating_mul(2).saturating_add(odd)
}

/// A message as its client makes it.
pub(crate) struct Draft {
    pub(crate) command: u8,
    pub(crate) flags: u8,
    /// In the order of the body.
    pub(crate) ids: [i64; 4],
    pub(crate) content: Bytes,
}

impl Draft {
    /// H2, H3, H13
    pub(super) fn is_refused(&self, session: User, kefu_app: i64) -> bool {
        let [app, user, other_app, other] = self.ids;
        match self.command {
            CUSTOMER => (app, user) != session || other == 0,
            CUSTOMER_SUPPORT => (kefu_app, other) != session,
            _ => (app, user) != session || (app != kefu_app && other_app != kefu_app),
        }
    }

    /// H5, H13
    pub(super) fn receiver(&self, kefu_app: i64) -> User {
        let [app, user, other_app, other] = self.ids;
        match self.command {
            CUSTOMER => (kefu_app, other),
            CUSTOMER_SUPPORT => (app, user),
            _ => (other_app, other),
        }
    }

    /// Where no store id carries the mark, the content does.
    pub(super) fn marked(self, mark: i64) -> Self {
        let is_unpersistent = self.flags & UNPERSISTENT != 0;
        if self.command != CUSTOMER_V2 && !is_unpersistent {
            return self;
        }
        let length = self.content.len().min(MAX_CONTENT - 8);
        let content = [&mark.to_be_bytes(), &self.content[..length]].concat().into();
        Self { content, ..self }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Parties {
    pub(super) client: usize,
    pub(super) receiver: usize,
    pub(super) sender: usize,
}

/// A message, and what has become of it.
pub(crate) struct Sent {
    pub(crate) command: u8,
    pub(crate) flags: u8,
    /// The body up to the timestamp, and after it.
    pub(crate) head: [u8; STAMP],
    pub(crate) content: Bytes,
    /// H2, H3
    pub(crate) refused: bool,
    pub(super) parties: Parties,
    pub(super) since: u64,
    pub(super) tries: Tries,
    /// How many copies there are in the receiver's queue and in the sender's, and the ids of the
    /// first.
    pub(super) copies: [u32; 2],
    pub(super) ids: [i64; 2],
    /// Whether the store has told what was the newest before each copy.
    pub(super) continues: [bool; 2],
    /// The server has written an ACK; the client has read one.
    pub(super) acked: bool,
    pub(super) settled: bool,
}

impl Sent {
    pub(super) fn new(draft: Draft, parties: Parties, refused: bool, since: u64) -> Self {
        let Draft { command, flags, ids, content } = draft;
        let head = ids.map(i64::to_be_bytes).concat().try_into().unwrap();
        Self {
            command,
            flags,
            head,
            content,
            refused,
            parties,
            since,
            tries: Tries::None,
            copies: [0; 2],
            ids: [0; 2],
            continues: [false; 2],
            acked: false,
            settled: false,
        }
    }

    /// H6, H13.5
    pub(crate) fn is_unpersistent(&self) -> bool {
        !self.is_v2() && self.flags & UNPERSISTENT != 0
    }

    pub(super) fn is_v2(&self) -> bool {
        self.command == CUSTOMER_V2
    }

    /// H7
    pub(super) fn is_saved(&self) -> bool {
        self.copies[0] > 0 && self.copies[1] > 0
    }

    pub(super) fn tried(&mut self, link: usize, place: u64) {
        self.tries = match self.tries {
            Tries::None => Tries::On { link, first: place, last: place },
            Tries::On { link: before, first, .. } if before == link => {
                Tries::On { link, first, last: place }
            }
            _ => Tries::Elsewhere,
        };
    }
}

/// On which connections a message was sent where the server was to handle it.
#[derive(Clone, Copy)]
pub(super) enum Tries {
    None,
    /// On this one alone, first and last as its message of these numbers.
    On {
        link: usize,
        first: u64,
        last: u64,
    },
    Elsewhere,
}
