//! Messages between a customer and a seller: CUSTOMER and CUSTOMER_SUPPORT (W4), CUSTOMER_V2 (W9).

use core::fmt;

use byteorder::{BigEndian, ByteOrder};
use bytes::{Buf, BufMut, Bytes};

use super::read::fixed;
use crate::id::{Account, Seq, UnixTime};
use crate::wire::{
    Command, DecodeError, EncodeError, Flags, FrameLimit, Head, Layout, Version, View,
    check_body_len,
};

/// A message between a customer and a seller, either way and of either version: the only kind that
/// the handler takes (H1).
///
/// A [`Message`](crate::Message) of one of their commands converts into one, and back to reach the
/// fields of its body. Who its sender and receiver are depends on the kefu app: ask the
/// [`Delivery`](crate::Delivery), [`Saves`](crate::Saves), [`SaveMessage`](crate::SaveMessage) or
/// [`Effects`](crate::Effects).
/// As data it is the [`Message`](crate::Message) that it came from.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "super::Message"))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChatMessage {
    /// The sender's number for this frame. In a CUSTOMER_V2 that was accepted it is 0 (H14.11).
    pub seq: Seq,
    /// The sender's version of the protocol. In a CUSTOMER_V2 that was accepted it is 2.
    pub version: Version,
    /// The message's flags, unknown bits included. In a CUSTOMER_V2 that was accepted there are
    /// none.
    pub flags: Flags,
    pub(crate) form: Form,
    pub(crate) body: ChatBody,
}

impl ChatMessage {
    /// What the clients say to each other (W4.2): opaque, and not necessarily UTF-8.
    #[must_use]
    pub const fn content(&self) -> &Bytes {
        &self.body.content
    }

    /// When the message was sent: the server's time once the handler has accepted it (H4.1).
    #[must_use]
    pub const fn timestamp(&self) -> UnixTime {
        self.body.timestamp
    }

    /// Copies the content, which then shares no memory with the buffer that it was read into.
    pub(crate) fn detach(&mut self) {
        self.body.content = Bytes::copy_from_slice(&self.body.content);
    }

    /// Replaces the content, unless no reader with this limit would take the message (W2.4).
    pub(crate) fn set_content(
        &mut self,
        content: Bytes,
        limit: FrameLimit,
    ) -> Result<(), EncodeError> {
        check_body_len(ChatBody::FIXED_LEN.saturating_add(content.len()), limit)?;
        self.body.content = content;
        Ok(())
    }
}

impl Layout for ChatMessage {
    #[inline]
    fn head(&self) -> Head {
        let Self { seq, version, flags, .. } = *self;
        Head { seq, command: self.form.command(), version, flags }
    }

    #[inline]
    fn body_len(&self, _: Version) -> usize {
        self.body.len()
    }

    #[inline]
    fn put_body(&self, _: Version, dst: &mut impl BufMut) {
        self.body.put(dst);
    }

    #[inline]
    fn view(&self) -> View<'_> {
        let ChatBody { ids, timestamp, ref content } = self.body;
        View::Chat { ids, timestamp, content }
    }
}

/// The two accounts of one chat message (H5). The receiver's queue gets the first copy, the
/// sender's the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parties {
    pub(crate) receiver: Account,
    pub(crate) sender: Account,
}

/// How a chat message says who writes to whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Customer,
    CustomerSupport,
    CustomerV2,
}

impl Form {
    pub(crate) const fn command(self) -> Command {
        match self {
            Self::Customer => Command::CUSTOMER,
            Self::CustomerSupport => Command::CUSTOMER_SUPPORT,
            Self::CustomerV2 => Command::CUSTOMER_V2,
        }
    }

    /// `None` for a command that is no chat message.
    pub(crate) const fn of(command: Command) -> Option<Self> {
        match command {
            Command::CUSTOMER => Some(Self::Customer),
            Command::CUSTOMER_SUPPORT => Some(Self::CustomerSupport),
            Command::CUSTOMER_V2 => Some(Self::CustomerV2),
            _ => None,
        }
    }
}

/// The body of a chat message, as it was sent. The three commands have one layout: what the four
/// ids are is the [`Form`]'s.
///
/// `Debug` shows the length of the content, never the content.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct ChatBody {
    pub(crate) ids: [i64; 4],
    pub(crate) timestamp: UnixTime,
    pub(crate) content: Bytes,
}

impl ChatBody {
    /// How many bytes stand before the content.
    pub(crate) const FIXED_LEN: usize = 36;

    #[inline]
    pub(crate) fn read(command: Command, mut body: Bytes) -> Result<Self, DecodeError> {
        let (ids, timestamp) = Self::read_fixed(command, &body)?;
        // W4.2, W9.2: the rest, whatever it is.
        body.advance(Self::FIXED_LEN);
        Ok(Self { ids, timestamp, content: body })
    }

    /// W4.1, W9.1: 36 bytes, then the content to the end of the body.
    #[inline]
    pub(crate) fn read_fixed(
        command: Command,
        body: &[u8],
    ) -> Result<([i64; 4], UnixTime), DecodeError> {
        let fixed: &[u8; Self::FIXED_LEN] = fixed(command, body)?;
        let ids = [
            BigEndian::read_i64(&fixed[0..8]),
            BigEndian::read_i64(&fixed[8..16]),
            BigEndian::read_i64(&fixed[16..24]),
            BigEndian::read_i64(&fixed[24..32]),
        ];
        Ok((ids, UnixTime::from(BigEndian::read_i32(&fixed[32..36]))))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        Self::FIXED_LEN.saturating_add(self.content.len())
    }

    #[inline]
    pub(crate) fn put(&self, dst: &mut impl BufMut) {
        put(self.ids, self.timestamp, &self.content, dst);
    }
}

impl fmt::Debug for ChatBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatBody")
            .field("ids", &self.ids)
            .field("timestamp", &self.timestamp)
            .field("content_len", &self.content.len())
            .finish()
    }
}

/// Writes the body of a chat message of any [`Form`] (W4.1, W9.1).
#[inline]
pub(crate) fn put(ids: [i64; 4], timestamp: UnixTime, content: &[u8], dst: &mut impl BufMut) {
    let mut fixed = [0; ChatBody::FIXED_LEN];
    for (field, id) in fixed.chunks_exact_mut(8).zip(ids) {
        BigEndian::write_i64(field, id);
    }
    BigEndian::write_i32(&mut fixed[32..], timestamp.as_secs());
    dst.put_slice(&fixed);
    dst.put_slice(content);
}
