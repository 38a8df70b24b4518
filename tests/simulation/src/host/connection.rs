//! A connection as the host keeps it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, Config, FrameLimit, Login, MsgId, Online, Request, Saves, SyncPages};

pub(super) struct Connection {
    pub(super) state: State,
    pub(super) read: BytesMut,
    /// Nothing more comes from the client.
    pub(super) hung_up: bool,
    pub(super) in_hand: VecDeque<InHand>,
}

pub(super) enum State {
    Login(Login),
    Online(Online),
    /// The client has sent what closes the connection, while somebody was logged in or before.
    Closed(Option<Online>),
}

/// A request that is under way.
pub(super) enum InHand {
    Ready(Request),
    Saving(Saving),
    /// A queue is being read.
    Syncing(SyncPages, Account),
}

pub(super) struct Saving {
    pub(super) ticket: u64,
    pub(super) saves: Saves,
    pub(super) body: Bytes,
    /// The answers so far; an error is an answer, too.
    pub(super) answers: [Option<Result<MsgId, Failed>>; 2],
}

/// A save failed, or its answer said so.
#[derive(Clone, Copy)]
pub(super) struct Failed;

impl Connection {
    pub(super) fn new(config: Config) -> Self {
        Self {
            state: State::Login(Login::new(config, FrameLimit::CLIENT)),
            read: BytesMut::new(),
            hung_up: false,
            in_hand: VecDeque::new(),
        }
    }

    pub(super) fn account(&self) -> Option<Account> {
        let (State::Online(online) | State::Closed(Some(online))) = &self.state else {
            return None;
        };
        Some(online.identity().account())
    }

    pub(super) fn saving(&mut self, ticket: u64) -> Option<&mut Saving> {
        self.in_hand.iter_mut().find_map(|one| match one {
            InHand::Saving(saving) if saving.ticket == ticket => Some(saving),
            _ => None,
        })
    }

    /// S7: what is in hand is still finished.
    pub(super) fn close(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Closed(None)) {
            State::Online(online) => State::Closed(Some(online)),
            other => other,
        };
    }
}
