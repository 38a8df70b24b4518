//! What happens at a host, as the checker is told.

use core::fmt;

use crate::delivery::Copies;
use crate::dialect::Dialect;
use crate::id::{Account, MsgId, UnixTime};
use crate::identity::Identity;
use crate::message::ChatMessage;
use crate::outbound::Outbound;
use crate::sync::StoredMessage;
use crate::wire::Frame;

/// A connection, under a number that the one who feeds the checker gives it. Numbers are not used
/// again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// One of the servers of a host.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub u32);

/// Something that happened.
///
/// From outside a host shows bytes alone: [`Sent`](Self::Sent) and [`Received`](Self::Received),
/// which belong together. What happens inside is known to the host itself. Each event of the inside
/// makes the checker demand more; none is needed.
///
/// Exhaustive: a match on it has to decide about each.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// The server's clock shows this time. Without it no timestamp is checked (H4.1).
    Time(UnixTime),
    /// A client has connected to a server.
    Opened {
        /// The new connection.
        connection: ConnectionId,
        /// Where it is. `ServerId(0)` if there is one server only.
        server: ServerId,
    },
    /// A connection is gone: nothing more comes or goes on it. At the client's end it is when the
    /// client has closed, or has read the end; inside it is when the host no longer gives it
    /// anything.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },

    /// Outside: a client sends these bytes. Say so before the server can have them.
    Sent {
        /// The client's connection.
        connection: ConnectionId,
        /// Any part of the stream.
        bytes: &'e [u8],
    },
    /// Outside: a client has read these bytes.
    Received {
        /// The client's connection.
        connection: ConnectionId,
        /// Any part of the stream.
        bytes: &'e [u8],
    },

    /// Inside: a login has been accepted, and AUTH_STATUS comes next.
    LoggedIn {
        /// The connection.
        connection: ConnectionId,
        /// Who has logged in on it.
        identity: Identity,
        /// The dialect that it begins with (D1).
        dialect: Dialect,
    },
    /// Inside: the host takes a chat message from a connection, accepted or not.
    Came {
        /// The connection.
        connection: ConnectionId,
        /// The message as it came, or as a [`Delivery`](crate::Delivery) has it.
        message: &'e ChatMessage,
    },
    /// Inside: a copy has been appended to a queue. A repeat that is there already is not appended,
    /// and is no event (S10.2).
    Stored {
        /// Whose queue.
        queue: Account,
        /// The new row.
        row: &'e StoredMessage,
    },
    /// Inside: a save has been answered with an error.
    SaveFailed {
        /// The connection that the message came on.
        connection: ConnectionId,
        /// Whose queue.
        queue: Account,
        /// The message that was to be saved.
        message: &'e ChatMessage,
    },
    /// Inside: the host goes on with these answers of its store.
    Confirmed {
        /// The connection that the message came on.
        connection: ConnectionId,
        /// The message.
        message: &'e ChatMessage,
        /// What the store has answered.
        copies: Copies,
    },
    /// Inside: a command outside the protocol has reached the host (W3.4).
    Unlisted {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The frame.
        frame: &'e Frame,
    },
    /// Inside: the push service has been told.
    Pushed {
        /// Whom to push.
        to: Account,
        /// The message.
        message: &'e ChatMessage,
    },
    /// Inside: a message has been given to a connection, which will write it.
    Given {
        /// The connection.
        connection: ConnectionId,
        /// What it has been given, before it is put into the connection's dialect.
        message: Outbound<'e>,
    },
    /// Inside: the host begins to answer a SYNC.
    Syncing {
        /// The connection.
        connection: ConnectionId,
        /// The key that the host keeps for the account (S2.1).
        kept: MsgId,
    },
    /// Inside: the host has been told which dialect a connection has shown, and remembers it
    /// (D1.8).
    DialectKept {
        /// The connection.
        connection: ConnectionId,
        /// What it has shown.
        dialect: Dialect,
    },
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}", self.0)
    }
}
