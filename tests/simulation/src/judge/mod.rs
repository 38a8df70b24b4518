//! The judge: sees every frame that the server writes, every copy that is stored, every push, and
//! knows what was said. It knows the protocol from the protocol and asks neither the library nor
//! the host.

mod dialect;
mod finale;
mod frames;
mod ledger;
mod pairs;
mod queues;
mod reading;
mod violation;

use std::collections::HashMap;

use bytes::BytesMut;

use crate::cast::{Device, User};
pub(crate) use dialect::{Dialect, shop_of};
use ledger::Ledger;
pub(crate) use ledger::{Draft, Sent};
use pairs::Keys;
use queues::Queue;
pub(crate) use queues::Saving;
use reading::Reading;
pub(crate) use violation::{Rule, Verdict, Violation};

pub(crate) struct Judge {
    kefu_app: i64,
    terms: Terms,
    clients: Vec<Seat>,
    users: HashMap<User, usize>,
    queues: Vec<Queue>,
    ledger: Ledger,
    lines: Vec<Line>,
    /// What the host remembers of an account on a platform (D1.4).
    remembered: HashMap<(usize, u8), Dialect>,
}

/// What a host promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The store keeps a repeated message once.
    pub(crate) idempotent: bool,
    /// An answer to a SYNC has so many rows and bytes (S12).
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// The host knows the shop of two parties (D2.4): otherwise it is 0.
    pub(crate) shops: bool,
}

impl Terms {
    pub(crate) fn of_a_world(rng: &mut fastrand::Rng) -> Self {
        let idempotent = rng.u8(..4) > 0;
        let rows = [1_000, 1_000, 50, 7, 2][rng.usize(..5)];
        let bytes = [256 * 1024, 256 * 1024, 2_000, 300][rng.usize(..4)];
        Self { idempotent, rows, bytes, shops: rng.bool() }
    }
}

/// A client and whom it speaks for.
struct Seat {
    queue: usize,
    device: Device,
}

/// A connection as the judge sees it.
#[derive(Default)]
struct Line {
    /// The queue, once the server has accepted a login, and the client.
    online: Option<usize>,
    seat: usize,
    /// What the client may expect of each of its logins: `None` a refusal.
    logins: std::collections::VecDeque<Option<Login>>,
    version: u8,
    dialect: Dialect,
    /// A change of the dialect that the host has not been told of.
    untold: Option<Dialect>,
    /// What has arrived and has not been looked at by the server.
    unread: BytesMut,
    /// How many frames the server has written.
    written: i32,
    /// How many messages the client has sent.
    said: u64,
    /// What may still be acknowledged: the client's seq and the message.
    pending: Vec<(i32, usize)>,
    pings: u32,
    unlisted: std::collections::VecDeque<Vec<u8>>,
    /// The newest notified id, and the last unpersistent message.
    notified: Option<i64>,
    transient: Option<usize>,
    /// The METADATA written last, if nothing has been written behind it.
    metadata: Option<Keys>,
    /// The message of the last live copy.
    copied: Option<usize>,
    /// The key of the last SYNC_END.
    synced: Option<i64>,
    /// The queue goes on: this SYNC_NOTIFY must follow at once (S12.3).
    owed: Option<i64>,
    /// The client has been told so and has not asked again (S12.4).
    is_behind: bool,
    /// A METADATA has been written since the last answer began.
    has_copies: bool,
    /// The greatest key that this client has wanted kept.
    kept: i64,
    /// The keys of the syncs asked for, with the key that must be kept by then, and the sync that
    /// is being answered.
    asked: std::collections::VecDeque<(i64, i64)>,
    reading: Option<Reading>,
    /// The latest message sent on this connection, of those stored first in each queue.
    order: Vec<(usize, u64)>,
}

#[derive(Clone, Copy)]
struct Login {
    client: usize,
    version: u8,
    /// The last byte of the header.
    last: u8,
}

impl Judge {
    pub(crate) fn new(kefu_app: i64, terms: Terms) -> Self {
        Self {
            kefu_app,
            terms,
            clients: Vec::new(),
            users: HashMap::new(),
            queues: Vec::new(),
            ledger: Ledger::default(),
            lines: Vec::new(),
            remembered: HashMap::new(),
        }
    }

    pub(crate) fn seat(&mut self, user: User, device: Device) {
        let queue = self.queue_of(user);
        self.clients.push(Seat { queue, device });
    }

    pub(crate) fn opened(&mut self) {
        self.lines.push(Line::default());
    }

    /// The client has sent a login: a right one, or one that names nobody.
    pub(crate) fn knocked(
        &mut self,
        link: usize,
        client: usize,
        (version, last): (u8, u8),
        right: bool,
    ) {
        let login = right.then_some(Login { client, version, last });
        self.lines[link].logins.push_back(login);
    }

    pub(crate) fn pinged(&mut self, link: usize) {
        self.lines[link].pings += 1;
    }

    pub(crate) fn asked(&mut self, link: usize, key: i64) {
        let line = &mut self.lines[link];
        line.asked.push_back((key, line.kept));
    }

    pub(crate) fn sent_unlisted(&mut self, link: usize, command: u8, body: &[u8]) {
        self.lines[link].unlisted.push_back([&[command], body].concat());
    }

    /// A client says something: from now on it is known by its number.
    pub(crate) fn said(&mut self, now: u64, client: usize, draft: Draft) -> usize {
        let draft = draft.marked(self.next_mark());
        let queue = self.clients[client].queue;
        let user = self.queues[queue].user;
        let refused = draft.is_refused(user, self.kefu_app);
        let receiver = self.queue_of(draft.receiver(self.kefu_app));
        let parties = ledger::Parties { client, receiver, sender: queue };
        self.ledger.add(Sent::new(draft, parties, refused, now))
    }

    /// What tells the next message from all others.
    pub(crate) fn next_mark(&self) -> i64 {
        self.ledger.next_mark()
    }

    pub(crate) fn sent(&self, number: usize) -> &Sent {
        self.ledger.get(number)
    }

    /// The client sends a message, for the first time or again. `live`: the server is to handle
    /// what comes on this line.
    pub(crate) fn tried(&mut self, link: usize, seq: i32, number: usize, live: bool) {
        let line = &mut self.lines[link];
        line.said += 1;
        if live {
            line.pending.push((seq, number));
            self.ledger.get_mut(number).tried(link, line.said);
        }
    }

    /// The client has read its ACK.
    pub(crate) fn settled(&mut self, number: usize) {
        self.ledger.get_mut(number).settled = true;
    }

    /// The host no longer has this connection.
    pub(crate) fn gone(&mut self, link: usize) {
        let line = std::mem::take(&mut self.lines[link]);
        // Saves in flight may still be stored.
        self.lines[link] = Line { said: line.said, order: line.order, ..Line::default() };
        if let Some(queue) = line.online {
            self.queues[queue].online.retain(|&other| other != link);
        }
    }

    fn queue_of(&mut self, user: User) -> usize {
        *self.users.entry(user).or_insert_with(|| {
            self.queues.push(Queue::new(user));
            self.queues.len() - 1
        })
    }
}
