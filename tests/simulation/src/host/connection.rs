//! A connection as the host keeps it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, Appended, Config, Effects, FrameLimit, Login, Online, Outbox, OutboxBounds, Platform,
    Request, Saves, SyncAnswer,
};

pub(super) struct Connection {
    pub(super) state: State,
    pub(super) read: BytesMut,
    /// The same bytes, until the checker has seen them.
    pub(super) unjudged: BytesMut,
    pub(super) platform: Option<Platform>,
    /// Nothing more comes from the client.
    pub(super) hung_up: bool,
    pub(super) in_flight: VecDeque<InFlight>,
    /// What others have sent and is not written yet.
    pub(super) outbox: Outbox,
    /// It will be.
    pub(super) is_draining: bool,
    /// A SYNC_NOTIFY is among it.
    pub(super) has_notify: bool,
}

pub(super) enum State {
    Login(Login),
    Online(Online),
    /// The client has sent what closes the connection, after its login or before.
    Closed(Option<Online>),
}

/// A request in flight.
pub(super) enum InFlight {
    Ready(Request),
    Saving(Saving),
    /// An unpersistent message: there is nothing to wait for.
    Applying(Effects),
    /// A queue is being read.
    Syncing(SyncAnswer),
}

pub(super) struct Saving {
    pub(super) ticket: u64,
    pub(super) saves: Saves,
    pub(super) body: Bytes,
    /// The answers so far; an error is an answer, too.
    pub(super) answers: [Option<Result<Appended, Failed>>; 2],
}

/// A save failed, or its answer said so.
#[derive(Clone, Copy)]
pub(super) struct Failed;

impl Connection {
    pub(super) fn new(config: Config, bounds: OutboxBounds) -> Self {
        Self {
            state: State::Login(Login::new(config, FrameLimit::CLIENT)),
            read: BytesMut::new(),
            unjudged: BytesMut::new(),
            platform: None,
            hung_up: false,
            in_flight: VecDeque::new(),
            outbox: Outbox::new(bounds),
            is_draining: false,
            has_notify: false,
        }
    }

    pub(super) fn account(&self) -> Option<Account> {
        let (State::Online(online) | State::Closed(Some(online))) = &self.state else {
            return None;
        };
        Some(online.identity().account())
    }

    /// What has been taken of `read` since the last time. All of it is, if it is over: then nothing
    /// behind it may have an effect.
    pub(super) fn judged(&mut self, over: bool) -> BytesMut {
        let left = if over { 0 } else { self.read.len() };
        self.unjudged.split_to(self.unjudged.len() - left)
    }

    pub(super) fn saving(&mut self, ticket: u64) -> Option<&mut Saving> {
        self.in_flight.iter_mut().find_map(|one| match one {
            InFlight::Saving(saving) if saving.ticket == ticket => Some(saving),
            _ => None,
        })
    }

    /// S7: what is in flight is still finished.
    pub(super) fn close(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Closed(None)) {
            State::Online(online) => State::Closed(Some(online)),
            other => other,
        };
    }
}
