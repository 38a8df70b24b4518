//! An offline push.

use bytes::Bytes;
use kefu_proto::{Account, ChatMessage, Command};

/// A message to be pushed.
#[derive(Clone, Debug)]
pub struct Push {
    /// Whom to push it to.
    pub to: Account,
    /// The message.
    pub message: ChatMessage,
}

/// A push as it is read from the outbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PushEntry {
    /// Whom to push it to.
    pub to: Account,
    /// What the body is.
    pub command: Command,
    /// The body of the message (W4).
    pub body: Bytes,
}

/// The most pushes that wait in the outbox; further ones are left out.
#[derive(Clone, Copy, Debug)]
pub struct PushBounds {
    /// For one receiver.
    pub account: usize,
    /// In all.
    pub all: usize,
}

impl Default for PushBounds {
    /// No bounds.
    fn default() -> Self {
        Self { account: usize::MAX, all: usize::MAX }
    }
}
