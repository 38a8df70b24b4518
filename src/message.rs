//! Typed messages: what the frames of a customer-service connection say (W3, W4, W6).

use core::fmt;
use core::net::Ipv4Addr;

use bytes::Bytes;

use crate::error::TooLong;
use crate::id::number;
use crate::{AppId, Command, Flags, MsgId, Seq, StoreId, UnixTime, UserId, Version};

/// A frame whose body has been read.
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

/// A message that the server makes itself: its header is the connection's business (H9.2, W7).
pub(crate) const fn unnumbered(body: Body) -> Message {
    Message { seq: Seq(0), version: Version(0), flags: Flags::NONE, body }
}

/// What a message says: one variant a command of the table (W3.2).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// Server to client: the answer to a login (S1).
    AuthStatus(AuthStatus),
    /// The message with this seq has arrived.
    Ack(Seq),
    /// Client to server: a sign of life (S4).
    Ping,
    /// Server to client: the answer to PING (S4).
    Pong,
    /// Client to server: a login (S1).
    AuthToken(AuthToken),
    /// From a customer to a seller.
    Customer(CustomerMessage),
    /// From a seller to a customer.
    CustomerSupport(CustomerMessage),
    /// Client to server: send what came after this sync key (S2).
    Sync(MsgId),
    /// Server to client: what came after this sync key follows (S2).
    SyncBegin(MsgId),
    /// Server to client: that was all up to this sync key (S2).
    SyncEnd(MsgId),
    /// Server to client: a queue of yours now goes up to this sync key (S5).
    SyncNotify(MsgId),
    /// Client to server: seen up to this sync key (S3).
    SyncKey(MsgId),
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
        }
    }
}

/// A message between a customer and a seller, either way: the only kind that the handler takes (H1).
///
/// A [`Message`] whose body is [`Body::Customer`] or [`Body::CustomerSupport`] converts into one and back.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChatMessage {
    /// The sender's number for this frame; the ACK repeats it.
    pub seq: Seq,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags, unknown bits included.
    pub flags: Flags,
    /// Which of the two parties writes.
    pub from: Party,
    /// Who writes to whom, and what.
    pub body: CustomerMessage,
}

impl From<ChatMessage> for Message {
    fn from(ChatMessage { seq, version, flags, from, body }: ChatMessage) -> Self {
        let body = match from {
            Party::Customer => Body::Customer(body),
            Party::Seller => Body::CustomerSupport(body),
        };
        Self { seq, version, flags, body }
    }
}

/// Gives the message back as it was when it is of another command.
impl TryFrom<Message> for ChatMessage {
    type Error = Message;

    #[inline]
    fn try_from(Message { seq, version, flags, body }: Message) -> Result<Self, Message> {
        let (from, body) = match body {
            Body::Customer(body) => (Party::Customer, body),
            Body::CustomerSupport(body) => (Party::Seller, body),
            body => return Err(Message { seq, version, flags, body }),
        };
        Ok(Self { seq, version, flags, from, body })
    }
}

/// The two sides of a customer-service chat.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Party {
    /// A user of a tenant's app (顾客).
    Customer,
    /// A member of staff, a user of the kefu app (客服).
    Seller,
}

impl Party {
    /// The command of a message from this party.
    #[must_use]
    pub const fn command(self) -> Command {
        match self {
            Self::Customer => Command::CUSTOMER,
            Self::Seller => Command::CUSTOMER_SUPPORT,
        }
    }
}

/// The body of CUSTOMER and CUSTOMER_SUPPORT (W4): who the two parties are, and the content.
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
    /// When the message was sent. Coming from a client it means nothing: the handler puts the server's time there (H4.1).
    pub timestamp: UnixTime,
    /// Whatever the clients say to each other (W4.2); opaque here, and not necessarily UTF-8. Decoded messages share the memory of
    /// the read buffer: a host that keeps one for long copies its content.
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

/// The answer to a login (W3, S1).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuthStatus {
    /// Whether the login succeeded.
    pub status: LoginStatus,
    /// The server's address. Only a frame of version 0 carries it; read from any other, it is 0.0.0.0.
    pub server_ip: Ipv4Addr,
}

number! {
    /// Whether a login succeeded.
    LoginStatus(i32)
}

impl LoginStatus {
    /// The client is logged in.
    pub const OK: Self = Self(0);
    /// The token names nobody.
    pub const REFUSED: Self = Self(1);
}

/// A login (W3, S1).
///
/// With neither a token nor a device string its body has 3 bytes: it can be written, but no reader takes it (W5.5).
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthToken {
    /// What the client runs on.
    pub platform: Platform,
    /// Names the account; only the host knows how.
    pub token: ShortBytes,
    /// The client's own name for its device; may be empty.
    pub device_id: ShortBytes,
}

impl AuthToken {
    /// What to number devices by (S1.2): the device's name and platform, whatever the app. `None` means `DeviceId(0)`: the web,
    /// or a device without a name.
    #[must_use]
    pub fn device(&self) -> Option<(&[u8], Platform)> {
        let named = self.platform != Platform::WEB && !self.device_id.is_empty();
        named.then(|| (self.device_id.as_bytes(), self.platform))
    }
}

number! {
    /// What a client runs on (W6.1).
    Platform(i8)
}

impl Platform {
    /// An iPhone or iPad.
    pub const IOS: Self = Self(1);
    /// An Android device.
    pub const ANDROID: Self = Self(2);
    /// A browser.
    pub const WEB: Self = Self(3);
}

/// At most 127 bytes: as many as the lengths of an AUTH_TOKEN can count (W5.7). Not necessarily UTF-8.
///
/// `Debug` shows the length, never the bytes.
///
/// ```
/// use kefu_proto::{ShortBytes, TooLong};
///
/// assert_eq!(ShortBytes::new("tok-7-1")?.as_bytes(), b"tok-7-1");
/// assert_eq!(ShortBytes::new(vec![0; 128]), Err(TooLong { length: 128 }));
/// # Ok::<(), TooLong>(())
/// ```
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(into = "Bytes", try_from = "Bytes")
)]
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct ShortBytes(Bytes);

impl ShortBytes {
    /// The most bytes that fit.
    pub const MAX_LEN: u8 = 127;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    ///
    /// [`TooLong`] for more than 127 of them.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        if bytes.len() > usize::from(Self::MAX_LEN) {
            return Err(TooLong { length: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are: 0 to 127.
    #[must_use]
    pub fn len(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(Self::MAX_LEN)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Splits the first `length` bytes off `rest`; `None`, and `rest` as it was, where there are fewer or they do not fit.
    pub(crate) fn take(rest: &mut Bytes, length: u8) -> Option<Self> {
        let length = usize::from(length.min(Self::MAX_LEN));
        (length <= rest.len()).then(|| Self(rest.split_to(length)))
    }
}

impl From<ShortBytes> for Bytes {
    fn from(bytes: ShortBytes) -> Self {
        bytes.0
    }
}

impl TryFrom<Bytes> for ShortBytes {
    type Error = TooLong;

    fn try_from(bytes: Bytes) -> Result<Self, TooLong> {
        Self::new(bytes)
    }
}

impl fmt::Debug for ShortBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortBytes({} bytes)", self.len())
    }
}
