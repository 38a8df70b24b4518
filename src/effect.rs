//! What a host is asked to do, as plain data under the original server's names.

use crate::message::unnumbered;
use crate::{Account, Body, ChatMessage, DeviceId, Message, MsgId, Seq};

/// Store one copy of a message: the only effect that has an answer, the msgid of the copy (H7.1, H7.2).
///
/// A store keeps the command and the encoded body, and beside them the queue's account and the device (H10.1):
/// [`command`](crate::Encode::command) and [`encode_body`](crate::Encode::encode_body) of `message` are what to store.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SaveMessage<'m> {
    /// Whose queue the copy is appended to.
    pub queue: Account,
    /// The sender's device, kept with the copy so that this device can leave it out when it syncs (S2.5).
    pub device_id: DeviceId,
    /// The message, under the server's time.
    pub message: &'m ChatMessage,
}

/// One thing to do after the saves. Exhaustive on purpose: a host may not overlook one.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect<'m> {
    /// Tell the push service, in case the user is connected nowhere (H7.3). Never forwarded to a connection.
    PushMessage {
        /// The receiver.
        to: Account,
        /// The chat message.
        message: Outbound<'m>,
    },
    /// Give it to every connection of the user, on every server (H6.1, H7.4). What goes elsewhere is owned by
    /// [`to_message`](Outbound::to_message).
    ///
    /// A connection that cannot take it is best closed: its client syncs when it comes back. A SYNC_NOTIFY may be left out for
    /// a newer one of the same queue; an unpersistent message that is left out is lost.
    SendAppMessage {
        /// The receiver.
        to: Account,
        /// SYNC_NOTIFY, or an unpersistent chat message.
        message: Outbound<'m>,
    },
    /// Give it to the sender's other login points: every connection of the user but the one this session stands for (H7.5).
    SendMessage {
        /// The sender.
        to: Account,
        /// SYNC_NOTIFY.
        message: Outbound<'m>,
    },
    /// Append it to the write queue of this session's own connection (H6.2, H7.6).
    EnqueueMessage {
        /// ACK.
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

    /// The account that the effect is aimed at; `None` where that is this connection itself.
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
            Self::PushMessage { message, .. }
            | Self::SendAppMessage { message, .. }
            | Self::SendMessage { message, .. }
            | Self::EnqueueMessage { message } => *message,
        }
    }
}

/// A message on its way out: the chat message itself, or one that the handler made.
///
/// It writes itself ([`Encode`](crate::Encode)); [`to_message`](Self::to_message) makes an owned message of it.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outbound<'m> {
    /// The chat message, under the server's time, with the seq, version and flags that its sender gave it (H6.1, H7.3).
    Chat(&'m ChatMessage),
    /// A queue of the addressee now goes up to this msgid.
    SyncNotify(MsgId),
    /// The sender's message of this seq has been dealt with (H9.1).
    Ack(Seq),
}

impl Outbound<'_> {
    /// An owned message with the header that the effect has; the content is shared, not copied.
    #[must_use]
    pub fn to_message(&self) -> Message {
        match self {
            Self::Chat(message) => Message::from((*message).clone()),
            Self::SyncNotify(msgid) => unnumbered(Body::SyncNotify(*msgid)),
            Self::Ack(seq) => unnumbered(Body::Ack(*seq)),
        }
    }
}
