//! What goes out, in the queues of a host and between its servers.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::borrowed::Outbound;
use super::pair::{LiveAck, LiveCopy};
use crate::id::MsgId;
use crate::message::{Ack, Body, ChatMessage, Form, Message, Metadata, Parsed};
use crate::wire::{
    Command, DecodeError, EncodeError, Frame, FrameDecoder, FrameLimit, Head, Layout, Version, View,
};

impl Outbound<'_> {
    /// The same message, owned. The content is shared, not copied.
    #[must_use]
    pub fn into_owned(self) -> OwnedOutbound {
        OwnedOutbound(match self {
            Self::Chat(message) => Owned::Chat(message.clone()),
            Self::SyncNotify(msgid) => Owned::SyncNotify(msgid),
            Self::Ack(ack) => Owned::Ack(ack),
            Self::LiveCopy(copy) => {
                let (message, metadata) = copy.into_owned();
                Owned::LiveCopy(message, metadata)
            }
            Self::LiveAck(ack) => Owned::LiveAck(ack.ack(), ack.metadata()),
        })
    }
}

/// An [`Outbound`] that owns what it needs: what a host's queues and channels carry.
///
/// Opaque: a live copy and its METADATA, two frames on the wire, stay together wherever they wait.
/// Cloning shares the content.
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
    LiveCopy(ChatMessage, Metadata),
    LiveAck(Ack, Metadata),
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
            Owned::LiveCopy(message, metadata) => {
                Outbound::LiveCopy(LiveCopy::new(message, &message.flags, metadata))
            }
            Owned::LiveAck(ack, metadata) => Outbound::LiveAck(LiveAck::new(*ack, metadata)),
        }
    }

    /// How many bytes of content it has.
    pub(crate) const fn content_len(&self) -> usize {
        match &self.0 {
            Owned::Chat(message) | Owned::LiveCopy(message, _) => message.content().len(),
            Owned::SyncNotify(_) | Owned::Ack(_) | Owned::LiveAck(..) => 0,
        }
    }

    /// Copies the content, which then shares no memory with the buffer that it was read into.
    pub(crate) fn detach(&mut self) {
        match &mut self.0 {
            Owned::Chat(message) | Owned::LiveCopy(message, _) => message.detach(),
            Owned::SyncNotify(_) | Owned::Ack(_) | Owned::LiveAck(..) => {}
        }
    }

    /// Takes the next message from the front of `read`, as another server encoded it. Returns
    /// `None`, and leaves `read` as it was, while it is incomplete: a METADATA without the frame
    /// behind it is.
    ///
    /// # Errors
    ///
    /// [`DecodeOutboundError`] when the bytes are no frame, no message, or a message that no
    /// [`Outbound`] encodes to. A frame whose length is refused stays in `read`, and so does a
    /// METADATA before it; any other is taken.
    pub fn decode(
        read: &mut BytesMut,
        limit: FrameLimit,
    ) -> Result<Option<Self>, DecodeOutboundError> {
        let decoder = FrameDecoder::new(limit);
        if is_metadata_alone(read, decoder)? {
            return Ok(None);
        }
        let Some(message) = next(read, decoder)? else { return Ok(None) };
        if let Body::Metadata(metadata) = message.body {
            let alone = DecodeOutboundError::NotOutbound { command: Command::METADATA };
            let message = next(read, decoder)?;
            return message.and_then(|message| pair(metadata, message)).ok_or(alone).map(Some);
        }
        let owned = match ChatMessage::try_from(message) {
            Ok(chat) => Owned::Chat(chat),
            Err(Message { body: Body::SyncNotify(msgid), .. }) => Owned::SyncNotify(msgid),
            Err(Message { body: Body::Ack(ack), .. }) => Owned::Ack(ack),
            Err(other) => return Err(not_outbound(&other)),
        };
        Ok(Some(Self(owned)))
    }
}

/// Whether there is a METADATA, and the frame behind it is incomplete.
fn is_metadata_alone(read: &[u8], decoder: FrameDecoder) -> Result<bool, DecodeError> {
    match decoder.peek(read) {
        Ok(Some((Command::METADATA, end))) => {
            Ok(decoder.peek(read.get(end..).unwrap_or_default())?.is_none())
        }
        // The decoder says what is wrong.
        Ok(_) | Err(_) => Ok(false),
    }
}

fn next(
    read: &mut BytesMut,
    decoder: FrameDecoder,
) -> Result<Option<Message>, DecodeOutboundError> {
    let Some(frame) = decoder.decode(read)? else { return Ok(None) };
    match frame.parse()? {
        Parsed::Message(message) => Ok(Some(message)),
        Parsed::Unlisted(Frame { command, .. }) => {
            Err(DecodeOutboundError::NotOutbound { command })
        }
    }
}

/// W10.3: what may stand behind a METADATA.
fn pair(metadata: Metadata, message: Message) -> Option<OwnedOutbound> {
    match ChatMessage::try_from(message) {
        Ok(chat) if chat.form == Form::CustomerV2 => {
            Some(OwnedOutbound(Owned::LiveCopy(chat, metadata)))
        }
        Err(Message { body: Body::Ack(ack), .. }) => {
            Some(OwnedOutbound(Owned::LiveAck(ack, metadata)))
        }
        Ok(_) | Err(_) => None,
    }
}

fn not_outbound(message: &Message) -> DecodeOutboundError {
    DecodeOutboundError::NotOutbound { command: message.body.command() }
}

/// Why bytes from another server are not an [`OwnedOutbound`].
///
/// Exhaustive: they are no message, or another one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DecodeOutboundError {
    /// The bytes are no frame or no message.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// The message is not one that an effect carries, or a METADATA that nothing belongs to.
    #[error("{command} cannot be passed on: only chat messages, SYNC_NOTIFY and ACK can")]
    NotOutbound {
        /// The frame's command.
        command: Command,
    },
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
    fn frames(&self) -> i32 {
        self.get().frames()
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match &self.0 {
            Owned::Chat(message) => message.view(),
            Owned::Ack(ack) | Owned::LiveAck(ack, _) => ack.view(),
            Owned::SyncNotify(_) | Owned::LiveCopy(..) => View::Opaque,
        }
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
