//! A rule that does not hold.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::event::ConnectionId;
use crate::id::{Account, MsgId, Seq};
use crate::wire::Command;

/// A rule of the protocol that a host has broken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{rule}: {explanation}{}", Shown(events))]
pub struct Violation {
    rule: &'static str,
    explanation: String,
    events: Vec<Witness>,
}

impl Violation {
    pub(super) fn new(rule: &'static str, explanation: String, events: Vec<Witness>) -> Self {
        Self { rule, explanation, events }
    }

    /// The number of the rule in [`spec`](crate::spec), such as `H7.4`.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule
    }

    /// What is wrong, in a sentence with the ids in it.
    #[must_use]
    pub fn explanation(&self) -> &str {
        &self.explanation
    }

    /// The events that show it, oldest first; the last is the one that was checked.
    #[must_use]
    pub fn events(&self) -> &[Witness] {
        &self.events
    }
}

/// An event that shows a violation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Witness {
    /// The number of the event: the first that the checker was told has 1.
    pub number: u64,
    /// What it was.
    pub what: Seen,
}

/// What an event was, without its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Seen {
    /// A connection was opened.
    Opened(ConnectionId),
    /// A connection was closed.
    Closed(ConnectionId),
    /// A client sent a frame, or the host took it.
    Sent(ConnectionId, Command, Seq),
    /// The server wrote a frame, or gave a message to a connection.
    Wrote(ConnectionId, Command),
    /// A copy was stored.
    Stored(Account, MsgId),
    /// A save failed.
    SaveFailed(Account),
    /// Somebody was pushed.
    Pushed(Account),
    /// The end was called.
    Finished,
    /// Something that the explanation tells.
    Other,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number, self.what)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(connection) => write!(f, "{connection} is opened"),
            Self::Closed(connection) => write!(f, "{connection} is closed"),
            Self::Sent(connection, command, Seq(seq)) => {
                write!(f, "{connection} sends {command} {seq}")
            }
            Self::Wrote(connection, command) => write!(f, "{connection} gets {command}"),
            Self::Stored(queue, MsgId(msgid)) => write!(f, "{msgid} is stored for {queue}"),
            Self::SaveFailed(queue) => write!(f, "a save for {queue} fails"),
            Self::Pushed(to) => write!(f, "{to} is pushed"),
            Self::Finished => f.write_str("the end"),
            Self::Other => f.write_str("this event"),
        }
    }
}

/// The events in brackets.
struct Shown<'v>(&'v [Witness]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut events = self.0.iter().enumerate();
        let shown = events.try_for_each(|(index, event)| {
            write!(f, "{}{event}", if index == 0 { " (" } else { "; " })
        });
        shown.and_then(|()| f.write_str(")"))
    }
}
