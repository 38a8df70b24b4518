//! What goes out: the chat message itself, or a message that the handler made.

use bytes::{BufMut, BytesMut};

use thiserror::Error;

use crate::id::{MsgId, Seq};
use crate::message::{Ack, Body, ChatMessage, Message, Parsed, sync};
use crate::wire::{
    Command, DecodeError, EncodeError, Flags, Frame, FrameDecoder, FrameLimit, Head, Layout,
    Version, put_frame,
};

/// A message on its way out.
///
/// It encodes itself ([`Encode`](crate::Encode)). It borrows from the list of effects:
/// [`into_owned`](Self::into_owned) makes a value for queues, other connections and other servers.
///
/// Non-exhaustive: a later version of the protocol sends more. A host hands it on and need not look
/// inside.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outbound<'m> {
    /// The chat message under the server's time, with the seq, version and flags that its sender
    /// gave it (H6.1, H7.3).
    Chat(&'m ChatMessage),
    /// The addressee's queue now goes up to this msgid (H7.4, H7.5).
    SyncNotify(MsgId),
    /// The sender's message has been dealt with (H9.1).
    Ack(Ack),
}

impl Outbound<'_> {
    /// The same message, owned. The content is shared, not copied.
    #[must_use]
    pub fn into_owned(self) -> OwnedOutbound {
        OwnedOutbound(match self {
            Self::Chat(message) => Owned::Chat(message.clone()),
            Self::SyncNotify(msgid) => Owned::SyncNotify(msgid),
            Self::Ack(ack) => Owned::Ack(ack),
        })
    }
}

/// An [`Outbound`] that owns what it needs: what a host's queues and channels carry.
///
/// Opaque, so that a later version of the protocol can have messages that become two frames and
/// stay together wherever they wait. Cloning shares the content.
///
/// To reach a connection on another server, send what
/// [`encode_within`](crate::Encode::encode_within) writes and read it there with
/// [`decode`](Self::decode):
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{Encode, FrameLimit, MsgId, Outbound, OwnedOutbound};
///
/// let notify = Outbound::SyncNotify(MsgId(41)).into_owned();
/// let mut bytes = BytesMut::new();
/// notify.encode_within(FrameLimit::MAX, &mut bytes)?;
/// assert_eq!(OwnedOutbound::decode(&mut bytes, FrameLimit::MAX)?, Some(notify));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedOutbound(Owned);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Owned {
    Chat(ChatMessage),
    SyncNotify(MsgId),
    Ack(Ack),
}

impl OwnedOutbound {
    /// The message, borrowed.
    #[must_use]
    #[inline]
    pub const fn get(&self) -> Outbound<'_> {
        match &self.0 {
            Owned::Chat(message) => Outbound::Chat(message),
            Owned::SyncNotify(msgid) => Outbound::SyncNotify(*msgid),
            Owned::Ack(ack) => Outbound::Ack(*ack),
        }
    }

    /// Takes the next message from the front of `read`, as another server encoded it. Returns
    /// `None`, and leaves `read` as it was, while it is incomplete.
    ///
    /// # Errors
    ///
    /// [`DecodeOutboundError`] when the bytes are no frame, no message, or a message that no
    /// [`Outbound`] encodes to. A frame whose length is refused stays in `read`, any other is
    /// taken.
    pub fn decode(
        read: &mut BytesMut,
        limit: FrameLimit,
    ) -> Result<Option<Self>, DecodeOutboundError> {
        let Some(frame) = FrameDecoder::new(limit).decode(read)? else { return Ok(None) };
        let message = match frame.parse()? {
            Parsed::Message(message) => message,
            Parsed::Unlisted(Frame { command, .. }) => {
                return Err(DecodeOutboundError::NotOutbound { command });
            }
        };
        let owned = match ChatMessage::try_from(message) {
            Ok(chat) => Owned::Chat(chat),
            Err(Message { body: Body::SyncNotify(msgid), .. }) => Owned::SyncNotify(msgid),
            Err(Message { body: Body::Ack(ack), .. }) => Owned::Ack(ack),
            Err(other) => {
                return Err(DecodeOutboundError::NotOutbound { command: other.body.command() });
            }
        };
        Ok(Some(Self(owned)))
    }
}

/// Why bytes from another server are not an [`OwnedOutbound`].
///
/// Exhaustive: they are no message, or another one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DecodeOutboundError {
    /// The bytes are no frame or no message.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// The message is not one that an effect carries.
    #[error("{command} cannot be passed on: only chat messages, SYNC_NOTIFY and ACK can")]
    NotOutbound {
        /// The frame's command.
        command: Command,
    },
}

impl Layout for Outbound<'_> {
    #[inline]
    fn head(&self) -> Head {
        // H9.2: the connection numbers what the server makes itself.
        let made = |command| Head { seq: Seq(0), command, version: Version(0), flags: Flags::NONE };
        match self {
            Self::Chat(message) => message.head(),
            Self::SyncNotify(_) => made(Command::SYNC_NOTIFY),
            Self::Ack(_) => made(Command::ACK),
        }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        match self {
            Self::Chat(message) => message.body_len(version),
            Self::SyncNotify(_) => sync::LEN,
            Self::Ack(_) => Ack::LEN,
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match self {
            Self::Chat(message) => message.put_body(version, dst),
            Self::SyncNotify(key) => sync::put(*key, dst),
            Self::Ack(ack) => ack.put(dst),
        }
    }

    // Each kind by itself: where the length is known, header and body are a few stores.
    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Chat(message) => message.put_frame(head, limit, dst),
            Self::SyncNotify(key) => {
                put_frame(head, sync::LEN, limit, dst, |dst| sync::put(*key, dst))
            }
            Self::Ack(ack) => put_frame(head, Ack::LEN, limit, dst, |dst| ack.put(dst)),
        }
    }
}

impl Layout for OwnedOutbound {
    #[inline]
    fn head(&self) -> Head {
        self.get().head()
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        self.get().body_len(version)
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        self.get().put_body(version, dst);
    }

    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        self.get().put_frame(head, limit, dst)
    }
}
