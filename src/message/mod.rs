//! Typed messages: what the frames of a customer-service connection say (W3–W6, W9, W10).
//!
//! The file of each message also has the layout of its body: `ack`, `chat`, `login`, `metadata`,
//! `sync`.

use bytes::BufMut;

use crate::id::{MsgId, Seq};
use crate::wire::{Command, DecodeError, Flags, Frame, Head, Layout, Version, View};

mod ack;
pub(crate) mod chat;
mod customer;
mod login;
pub(crate) mod metadata;
mod read;
pub(crate) mod sync;

pub use ack::{Ack, AckStatus};
pub use chat::ChatMessage;
pub(crate) use chat::{ChatBody, Form, Parties};
pub use customer::{CustomerMessage, CustomerMessageV2};
pub use login::{AuthStatus, AuthToken, LoginStatus, Platform, ShortBytes, TooLong};
pub use metadata::Metadata;

/// A frame whose body has been read.
///
/// `Message::from(body)` has a number, a version and flags of 0, as what a server makes itself
/// (H9.2): the connection that writes it numbers it (W7).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The sender's number for this frame.
    pub seq: Seq,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags.
    pub flags: Flags,
    /// What it says.
    pub body: Body,
}

impl From<Body> for Message {
    fn from(body: Body) -> Self {
        Self { seq: Seq(0), version: Version(0), flags: Flags::NONE, body }
    }
}

/// What a message says: one variant per command of the table (W3.2).
///
/// Non-exhaustive: a later version of the protocol adds commands.
// The chat messages stand together: one comparison tells them from the rest.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Body {
    /// Server to client: the answer to a login (S1).
    AuthStatus(AuthStatus),
    /// The message with this seq has arrived.
    Ack(Ack),
    /// Client to server: a keepalive (S4).
    Ping,
    /// Server to client: the answer to PING (S4).
    Pong,
    /// Client to server: a login (S1).
    AuthToken(AuthToken),
    /// From a customer to a seller.
    Customer(CustomerMessage),
    /// From a seller to a customer.
    CustomerSupport(CustomerMessage),
    /// From a customer to a seller or back, in version 2 (W9).
    CustomerV2(CustomerMessageV2),
    /// Client to server: send what came after this sync key (S2).
    Sync(MsgId),
    /// Server to client: what came after this sync key follows (S2).
    SyncBegin(MsgId),
    /// Server to client: that was all up to this sync key (S2).
    SyncEnd(MsgId),
    /// Server to client: your queue now goes up to this msgid (H7.4, H7.5).
    SyncNotify(MsgId),
    /// Client to server: seen up to this sync key (S3).
    SyncKey(MsgId),
    /// Server to client: what the frame behind it continues (W10).
    Metadata(Metadata),
}

impl Body {
    /// The command of a frame with this body (W3).
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::AuthStatus(_) => Command::AUTH_STATUS,
            Self::Ack(_) => Command::ACK,
            Self::Ping => Command::PING,
            Self::Pong => Command::PONG,
            Self::AuthToken(_) => Command::AUTH_TOKEN,
            Self::Customer(_) => Command::CUSTOMER,
            Self::CustomerSupport(_) => Command::CUSTOMER_SUPPORT,
            Self::Sync(_) => Command::SYNC,
            Self::SyncBegin(_) => Command::SYNC_BEGIN,
            Self::SyncEnd(_) => Command::SYNC_END,
            Self::SyncNotify(_) => Command::SYNC_NOTIFY,
            Self::SyncKey(_) => Command::SYNC_KEY,
            Self::Metadata(_) => Command::METADATA,
            Self::CustomerV2(_) => Command::CUSTOMER_V2,
        }
    }
}

/// What a frame turned out to be.
///
/// Exhaustive: a command is in the table of W3 or it is not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// A command of the table (W3), its body read.
    Message(Message),
    /// Any other command: for the host, as it came (W3.4).
    Unlisted(Frame),
}

impl Frame {
    /// Reads the body by its command (W3.2). A frame whose command is not in the table comes back
    /// untouched.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooShort`] or [`NotEmpty`](DecodeError::NotEmpty) when the body does not fit
    /// its command (W5).
    #[inline]
    pub fn parse(self) -> Result<Parsed, DecodeError> {
        let Self { seq, command, version, flags, body } = self;
        let body = match command {
            Command::AUTH_STATUS => Body::AuthStatus(AuthStatus::read(version, &body)?),
            Command::ACK => Body::Ack(Ack::read(version, &body)),
            Command::PING => read::empty(command, &body).map(|()| Body::Ping)?,
            Command::PONG => read::empty(command, &body).map(|()| Body::Pong)?,
            Command::AUTH_TOKEN => Body::AuthToken(AuthToken::read(body)?),
            Command::CUSTOMER => Body::Customer(ChatBody::read(command, body)?.into()),
            Command::CUSTOMER_SUPPORT => {
                Body::CustomerSupport(ChatBody::read(command, body)?.into())
            }
            Command::CUSTOMER_V2 => Body::CustomerV2(ChatBody::read(command, body)?.into()),
            Command::SYNC => Body::Sync(sync::read(command, &body)?),
            Command::SYNC_BEGIN => Body::SyncBegin(sync::read(command, &body)?),
            Command::SYNC_END => Body::SyncEnd(sync::read(command, &body)?),
            Command::SYNC_NOTIFY => Body::SyncNotify(sync::read(command, &body)?),
            Command::SYNC_KEY => Body::SyncKey(sync::read(command, &body)?),
            Command::METADATA => Body::Metadata(Metadata::read(&body)?),
            // W3.4
            _ => return Ok(Parsed::Unlisted(Self { seq, command, version, flags, body })),
        };
        Ok(Parsed::Message(Message { seq, version, flags, body }))
    }
}

impl Layout for Message {
    #[inline]
    fn head(&self) -> Head {
        let Self { seq, version, flags, ref body } = *self;
        Head { seq, command: body.command(), version, flags }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        match &self.body {
            Body::AuthStatus(_) => AuthStatus::body_len(version),
            Body::Ack(_) => Ack::body_len(version),
            Body::Ping | Body::Pong => 0,
            Body::AuthToken(auth) => auth.body_len(),
            Body::Customer(CustomerMessage { content, .. })
            | Body::CustomerSupport(CustomerMessage { content, .. })
            | Body::CustomerV2(CustomerMessageV2 { content, .. }) => {
                ChatBody::FIXED_LEN.saturating_add(content.len())
            }
            Body::Metadata(_) => Metadata::LEN,
            Body::Sync(_)
            | Body::SyncBegin(_)
            | Body::SyncEnd(_)
            | Body::SyncNotify(_)
            | Body::SyncKey(_) => sync::LEN,
        }
    }

    #[inline]
    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match &self.body {
            Body::AuthStatus(auth) => auth.put(version, dst),
            Body::Ack(ack) => ack.put(version, dst),
            Body::Ping | Body::Pong => {}
            Body::AuthToken(auth) => auth.put(dst),
            Body::Customer(message) | Body::CustomerSupport(message) => {
                chat::put(message.ids(), message.timestamp, &message.content, dst);
            }
            Body::CustomerV2(message) => {
                chat::put(message.ids(), message.timestamp, &message.content, dst);
            }
            Body::Metadata(metadata) => metadata.put(dst),
            Body::Sync(key)
            | Body::SyncBegin(key)
            | Body::SyncEnd(key)
            | Body::SyncNotify(key)
            | Body::SyncKey(key) => sync::put(*key, dst),
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match &self.body {
            Body::Customer(body) | Body::CustomerSupport(body) => body.view(),
            Body::CustomerV2(body) => body.view(),
            Body::Ack(ack) => ack.view(),
            _ => View::Opaque,
        }
    }
}

impl Layout for Parsed {
    #[inline]
    fn head(&self) -> Head {
        match self {
            Self::Message(message) => message.head(),
            Self::Unlisted(frame) => frame.head(),
        }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        match self {
            Self::Message(message) => message.body_len(version),
            Self::Unlisted(frame) => frame.body_len(version),
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match self {
            Self::Message(message) => message.put_body(version, dst),
            Self::Unlisted(frame) => frame.put_body(version, dst),
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match self {
            Self::Message(message) => message.view(),
            Self::Unlisted(frame) => frame.view(),
        }
    }
}

impl From<ChatMessage> for Message {
    fn from(ChatMessage { seq, version, flags, form, body }: ChatMessage) -> Self {
        let body = match form {
            Form::Customer => Body::Customer(body.into()),
            Form::CustomerSupport => Body::CustomerSupport(body.into()),
            Form::CustomerV2 => Body::CustomerV2(body.into()),
        };
        Self { seq, version, flags, body }
    }
}

/// Gives a message of another command back as it was.
impl TryFrom<Message> for ChatMessage {
    type Error = Message;

    #[inline]
    fn try_from(Message { seq, version, flags, body }: Message) -> Result<Self, Message> {
        let (form, body) = match body {
            Body::Customer(body) => (Form::Customer, body.into()),
            Body::CustomerSupport(body) => (Form::CustomerSupport, body.into()),
            Body::CustomerV2(body) => (Form::CustomerV2, body.into()),
            body => return Err(Message { seq, version, flags, body }),
        };
        Ok(Self { seq, version, flags, form, body })
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for ChatMessage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let message = Message::deserialize(deserializer)?;
        Self::try_from(message).map_err(|other| {
            let command = other.body.command();
            serde::de::Error::custom(format_args!("{command} is not a chat message"))
        })
    }
}
