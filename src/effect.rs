//! What a host does once both copies are stored, as plain data under the original server's names.

use crate::id::Account;
use crate::message::ChatMessage;
use crate::outbound::Outbound;

/// One thing to do after the saves.
///
/// Exhaustive on purpose: a host may not overlook an effect.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect<'m> {
    /// Tell the push service, if the user is connected nowhere (H7.3, H14.3). Never sent to a
    /// connection.
    PushMessage {
        /// The receiver.
        to: Account,
        /// The chat message.
        message: &'m ChatMessage,
    },
    /// Give it to every connection of the user, on every server, this session's own among them if
    /// it is the user's (H6.1, H7.4, H14.4, H14.5).
    /// [`into_owned`](Outbound::into_owned) makes a value that can be queued or sent elsewhere.
    ///
    /// What may be left out for a connection that cannot take it is in S13:
    /// [`Outbox`](crate::Outbox) holds what waits for one.
    SendAppMessage {
        /// The receiver.
        to: Account,
        /// SYNC_NOTIFY, a live copy, or an unpersistent chat message.
        message: Outbound<'m>,
    },
    /// Give it to the sender's other login points: every connection of the user except the one that
    /// this session stands for (H7.5, H14.6, H14.7).
    SendMessage {
        /// The sender.
        to: Account,
        /// SYNC_NOTIFY, or a live copy.
        message: Outbound<'m>,
    },
    /// Append it to the write queue of this session's own connection (H6.2, H7.6, H14.8).
    EnqueueMessage {
        /// ACK, alone or behind its METADATA.
        message: Outbound<'m>,
    },
}

impl<'m> Effect<'m> {
    /// The original's name of the effect, for logs and counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PushMessage { .. } => "PushMessage",
            Self::SendAppMessage { .. } => "SendAppMessage",
            Self::SendMessage { .. } => "SendMessage",
            Self::EnqueueMessage { .. } => "EnqueueMessage",
        }
    }

    /// The target account; `None` where the target is this connection itself.
    #[must_use]
    pub const fn to(&self) -> Option<Account> {
        match self {
            Self::PushMessage { to, .. }
            | Self::SendAppMessage { to, .. }
            | Self::SendMessage { to, .. } => Some(*to),
            Self::EnqueueMessage { .. } => None,
        }
    }

    /// The message that the effect carries.
    #[must_use]
    pub const fn message(&self) -> Outbound<'m> {
        match self {
            Self::PushMessage { message, .. } => Outbound::Chat(message),
            Self::SendAppMessage { message, .. }
            | Self::SendMessage { message, .. }
            | Self::EnqueueMessage { message } => *message,
        }
    }
}
