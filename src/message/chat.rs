//! Messages between a customer and a seller: CUSTOMER and CUSTOMER_SUPPORT (W4).

use core::fmt;

use byteorder::{BigEndian, ByteOrder};
use bytes::{Buf, BufMut, Bytes};

use super::read::fixed;
use crate::id::{Account, AppId, Seq, StoreId, UnixTime, UserId};
use crate::wire::{
    Command, DecodeError, EncodeError, Flags, FrameLimit, Head, Layout, Version, check_body_len,
};

/// A message between a customer and a seller, either way: the only kind that the handler takes
/// (H1).
///
/// A [`Message`](crate::Message) of one of their commands converts into one, and back to reach the
/// fields of its body. Who its sender and receiver are depends on the kefu app: ask the
/// [`Delivery`](crate::Delivery), [`Saves`](crate::Saves), [`SaveMessage`](crate::SaveMessage) or
/// [`Effects`](crate::Effects).
/// As data it is the [`Message`](crate::Message) that it came from.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "super::Message"))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChatMessage {
    /// The sender's number for this frame; the ACK repeats it.
    pub seq: Seq,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags, unknown bits included.
    pub flags: Flags,
    pub(crate) from: Party,
    pub(crate) body: CustomerMessage,
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

    /// Replaces the content, unless no reader with this limit would take the message (W2.4).
    pub(crate) fn set_content(
        &mut self,
        content: Bytes,
        limit: FrameLimit,
    ) -> Result<(), EncodeError> {
        check_body_len(customer::LEN.saturating_add(content.len()), limit)?;
        self.body.content = content;
        Ok(())
    }
}

impl Layout for ChatMessage {
    #[inline]
    fn head(&self) -> Head {
        let Self { seq, version, flags, .. } = *self;
        Head { seq, command: self.from.command(), version, flags }
    }

    #[inline]
    fn body_len(&self, _: Version) -> usize {
        self.body.body_len()
    }

    fn put_body(&self, _: Version, dst: &mut impl BufMut) {
        self.body.put(dst);
    }
}

/// The two accounts of one chat message (H5). The receiver's queue gets the first copy, the
/// sender's the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parties {
    pub(crate) receiver: Account,
    pub(crate) sender: Account,
}

/// The two sides of a customer-service chat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Party {
    /// A user of a tenant's app (顾客).
    Customer,
    /// A member of staff, a user of the kefu app (客服).
    Seller,
}

impl Party {
    /// The command of a message from this party.
    pub(crate) const fn command(self) -> Command {
        match self {
            Self::Customer => Command::CUSTOMER,
            Self::Seller => Command::CUSTOMER_SUPPORT,
        }
    }
}

/// The body of CUSTOMER and CUSTOMER_SUPPORT (W4): the two parties and the content.
///
/// `Debug` shows the length of the content, never the content.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Eq, PartialEq)]
pub struct CustomerMessage {
    /// The tenant's app that the customer uses.
    pub customer_appid: AppId,
    /// The customer within that app.
    pub customer_id: UserId,
    /// The shop that the conversation is about.
    pub store_id: StoreId,
    /// The seller within the kefu app.
    pub seller_id: UserId,
    /// When the message was sent. What a client says is replaced by the server's time (H4.1).
    pub timestamp: UnixTime,
    /// What the clients say to each other (W4.2): opaque here, and not necessarily UTF-8. It shares
    /// the memory of the read buffer, so a host that keeps it for long copies it.
    pub content: Bytes,
}

impl fmt::Debug for CustomerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerMessage")
            .field("customer_appid", &self.customer_appid)
            .field("customer_id", &self.customer_id)
            .field("store_id", &self.store_id)
            .field("seller_id", &self.seller_id)
            .field("timestamp", &self.timestamp)
            .field("content_len", &self.content.len())
            .finish()
    }
}

impl CustomerMessage {
    /// W4.1: 36 bytes, then the content to the end of the body.
    #[inline]
    pub(super) fn read(command: Command, mut body: Bytes) -> Result<Self, DecodeError> {
        let fixed: &[u8; customer::LEN] = fixed(command, &body)?;
        let message = Self {
            customer_appid: AppId(BigEndian::read_i64(&fixed[customer::CUSTOMER_APPID])),
            customer_id: UserId(BigEndian::read_i64(&fixed[customer::CUSTOMER_ID])),
            store_id: StoreId(BigEndian::read_i64(&fixed[customer::STORE_ID])),
            seller_id: UserId(BigEndian::read_i64(&fixed[customer::SELLER_ID])),
            timestamp: UnixTime::from(BigEndian::read_i32(&fixed[customer::TIMESTAMP])),
            content: Bytes::new(),
        };
        // W4.2: the rest, whatever it is.
        body.advance(customer::LEN);
        Ok(Self { content: body, ..message })
    }

    #[inline]
    pub(super) fn body_len(&self) -> usize {
        customer::LEN.saturating_add(self.content.len())
    }

    #[inline]
    pub(super) fn put(&self, dst: &mut impl BufMut) {
        let mut fixed = [0; customer::LEN];
        BigEndian::write_i64(&mut fixed[customer::CUSTOMER_APPID], self.customer_appid.0);
        BigEndian::write_i64(&mut fixed[customer::CUSTOMER_ID], self.customer_id.0);
        BigEndian::write_i64(&mut fixed[customer::STORE_ID], self.store_id.0);
        BigEndian::write_i64(&mut fixed[customer::SELLER_ID], self.seller_id.0);
        BigEndian::write_i32(&mut fixed[customer::TIMESTAMP], self.timestamp.as_secs());
        dst.put_slice(&fixed);
        dst.put_slice(&self.content);
    }
}

/// Where the fields of a customer message stand in its body (W4.1).
mod customer {
    use core::ops::Range;

    pub(super) const CUSTOMER_APPID: Range<usize> = 0..8;
    pub(super) const CUSTOMER_ID: Range<usize> = 8..16;
    pub(super) const STORE_ID: Range<usize> = 16..24;
    pub(super) const SELLER_ID: Range<usize> = 24..32;
    pub(super) const TIMESTAMP: Range<usize> = 32..36;
    pub(super) const LEN: usize = 36;
}
