//! W3–W5: the layouts of the bodies, read and written.

use core::net::Ipv4Addr;

use byteorder::{BigEndian, ByteOrder};
use bytes::{Buf, BufMut, Bytes};

use super::encode::put_frame;
use super::{Command, Flags, Frame, FrameLimit, Head, Incoming, Layout, Version};
use crate::error::{DecodeError, EncodeError};
use crate::message::{AuthStatus, AuthToken, Body, ChatMessage, CustomerMessage, Message};
use crate::message::{LoginStatus, Platform, ShortBytes};
use crate::{AppId, MsgId, Outbound, Seq, StoreId, UnixTime, UserId};

impl Frame {
    /// Reads the body by its command (W3.2). A frame whose command is not in the table comes back untouched.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooShort`], [`NotEmpty`](DecodeError::NotEmpty) or
    /// [`NegativeLength`](DecodeError::NegativeLength) when the body does not fit its command (W5).
    #[inline]
    pub fn parse(self) -> Result<Incoming, DecodeError> {
        let Self { seq, command, version, flags, body } = self;
        let body = match command {
            Command::AUTH_STATUS => Body::AuthStatus(auth_status(version, &body)?),
            // W5.3
            Command::ACK => {
                Body::Ack(Seq(body.first_chunk().copied().map_or(0, i32::from_be_bytes)))
            }
            Command::PING => empty(command, &body).map(|()| Body::Ping)?,
            Command::PONG => empty(command, &body).map(|()| Body::Pong)?,
            Command::AUTH_TOKEN => Body::AuthToken(auth_token(body)?),
            Command::CUSTOMER => Body::Customer(customer_message(command, body)?),
            Command::CUSTOMER_SUPPORT => Body::CustomerSupport(customer_message(command, body)?),
            Command::SYNC => Body::Sync(sync_key(command, &body)?),
            Command::SYNC_BEGIN => Body::SyncBegin(sync_key(command, &body)?),
            Command::SYNC_END => Body::SyncEnd(sync_key(command, &body)?),
            Command::SYNC_NOTIFY => Body::SyncNotify(sync_key(command, &body)?),
            Command::SYNC_KEY => Body::SyncKey(sync_key(command, &body)?),
            // W3.4
            _ => return Ok(Incoming::Unlisted(Self { seq, command, version, flags, body })),
        };
        Ok(Incoming::Message(Message { seq, version, flags, body }))
    }
}

/// W4.1: 36 bytes, then the content to the end of the body.
#[inline]
fn customer_message(command: Command, mut body: Bytes) -> Result<CustomerMessage, DecodeError> {
    let fixed: &[u8; customer::LEN] = fixed(command, &body)?;
    let message = CustomerMessage {
        customer_appid: AppId(BigEndian::read_i64(&fixed[customer::CUSTOMER_APPID])),
        customer_id: UserId(BigEndian::read_i64(&fixed[customer::CUSTOMER_ID])),
        store_id: StoreId(BigEndian::read_i64(&fixed[customer::STORE_ID])),
        seller_id: UserId(BigEndian::read_i64(&fixed[customer::SELLER_ID])),
        timestamp: UnixTime::from(BigEndian::read_i32(&fixed[customer::TIMESTAMP])),
        content: Bytes::new(),
    };
    // W4.2: all the rest, whatever it is.
    body.advance(customer::LEN);
    Ok(CustomerMessage { content: body, ..message })
}

#[inline]
fn put_customer_message(message: &CustomerMessage, dst: &mut impl BufMut) {
    let mut fixed = [0; customer::LEN];
    BigEndian::write_i64(&mut fixed[customer::CUSTOMER_APPID], message.customer_appid.0);
    BigEndian::write_i64(&mut fixed[customer::CUSTOMER_ID], message.customer_id.0);
    BigEndian::write_i64(&mut fixed[customer::STORE_ID], message.store_id.0);
    BigEndian::write_i64(&mut fixed[customer::SELLER_ID], message.seller_id.0);
    BigEndian::write_i32(&mut fixed[customer::TIMESTAMP], message.timestamp.as_secs());
    dst.put_slice(&fixed);
    dst.put_slice(&message.content);
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

/// Without room for the server's address it reads as 0.0.0.0.
fn auth_status(version: Version, body: &[u8]) -> Result<AuthStatus, DecodeError> {
    let (status, server_ip) = if carries_ip(version) {
        let fixed: &[u8; 8] = fixed(Command::AUTH_STATUS, body)?;
        (BigEndian::read_i32(&fixed[..4]), Ipv4Addr::from(BigEndian::read_u32(&fixed[4..])))
    } else {
        let fixed: &[u8; 4] = fixed(Command::AUTH_STATUS, body)?;
        (BigEndian::read_i32(fixed), Ipv4Addr::UNSPECIFIED)
    };
    Ok(AuthStatus { status: LoginStatus(status), server_ip })
}

fn put_auth_status(auth: AuthStatus, version: Version, dst: &mut impl BufMut) {
    dst.put_i32(auth.status.0);
    if carries_ip(version) {
        dst.put_slice(&auth.server_ip.octets());
    }
}

/// W3.3: only a frame of version 0 has room for the server's address.
fn carries_ip(version: Version) -> bool {
    version == Version(0)
}

/// W3.2: platform, then token and device string, each behind its length; what follows is ignored (W5.2).
fn auth_token(mut body: Bytes) -> Result<AuthToken, DecodeError> {
    // W5.5: a body of 3 bytes is refused even where both lengths in it are 0.
    let _: &[u8; 4] = fixed(Command::AUTH_TOKEN, &body)?;
    let whole = body.len();
    let platform = Platform(body.get_i8());
    let token = short_bytes(&mut body, whole)?;
    let device_id = short_bytes(&mut body, whole)?;
    Ok(AuthToken { platform, token, device_id })
}

/// W5.6: takes a length and that many bytes from the front of `rest`, the end of an AUTH_TOKEN body of `whole` bytes.
fn short_bytes(rest: &mut Bytes, whole: usize) -> Result<ShortBytes, DecodeError> {
    let missing = |bytes| DecodeError::TooShort {
        command: Command::AUTH_TOKEN,
        needed: whole.saturating_add(bytes),
        actual: whole,
    };
    let length = rest.try_get_i8().map_err(|_| missing(1))?;
    let length = u8::try_from(length).map_err(|_| DecodeError::NegativeLength { length })?;
    ShortBytes::take(rest, length)
        .ok_or_else(|| missing(usize::from(length).saturating_sub(rest.len())))
}

fn put_auth_token(auth: &AuthToken, dst: &mut impl BufMut) {
    dst.put_i8(auth.platform.0);
    for string in [&auth.token, &auth.device_id] {
        dst.put_u8(string.len());
        dst.put_slice(string.as_bytes());
    }
}

fn sync_key(command: Command, body: &[u8]) -> Result<MsgId, DecodeError> {
    fixed(command, body).map(|key| MsgId(i64::from_be_bytes(*key)))
}

/// W5.1: the first `N` bytes of a body; a shorter body is an error. W5.2: more is not looked at.
#[inline]
fn fixed<const N: usize>(command: Command, body: &[u8]) -> Result<&[u8; N], DecodeError> {
    body.first_chunk().ok_or(DecodeError::TooShort { command, needed: N, actual: body.len() })
}

/// W5.4: PING and PONG have no body.
fn empty(command: Command, body: &[u8]) -> Result<(), DecodeError> {
    if body.is_empty() {
        return Ok(());
    }
    Err(DecodeError::NotEmpty { command, actual: body.len() })
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
            Body::AuthStatus(_) if carries_ip(version) => 8,
            Body::AuthStatus(_) | Body::Ack(_) => 4,
            Body::Ping | Body::Pong => 0,
            Body::AuthToken(auth) => {
                3 + usize::from(auth.token.len()) + usize::from(auth.device_id.len())
            }
            Body::Customer(message) | Body::CustomerSupport(message) => message.body_len(),
            Body::Sync(_)
            | Body::SyncBegin(_)
            | Body::SyncEnd(_)
            | Body::SyncNotify(_)
            | Body::SyncKey(_) => 8,
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match &self.body {
            Body::AuthStatus(auth) => put_auth_status(*auth, version, dst),
            Body::Ack(seq) => dst.put_i32(seq.0),
            Body::Ping | Body::Pong => {}
            Body::AuthToken(auth) => put_auth_token(auth, dst),
            Body::Customer(message) | Body::CustomerSupport(message) => {
                put_customer_message(message, dst);
            }
            Body::Sync(key)
            | Body::SyncBegin(key)
            | Body::SyncEnd(key)
            | Body::SyncNotify(key)
            | Body::SyncKey(key) => dst.put_i64(key.0),
        }
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
        put_customer_message(&self.body, dst);
    }
}

impl CustomerMessage {
    #[inline]
    fn body_len(&self) -> usize {
        customer::LEN.saturating_add(self.content.len())
    }
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
            Self::SyncNotify(_) => 8,
            Self::Ack(_) => 4,
        }
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        match self {
            Self::Chat(message) => message.put_body(version, dst),
            Self::SyncNotify(key) => dst.put_i64(key.0),
            Self::Ack(seq) => dst.put_i32(seq.0),
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
            Self::SyncNotify(key) => put_frame(head, 8, limit, dst, |dst| dst.put_i64(key.0)),
            Self::Ack(seq) => put_frame(head, 4, limit, dst, |dst| dst.put_i32(seq.0)),
        }
    }
}
