//! The wire as the checker reads it: written from the document, without the crate's own readers
//! (W1–W5, W8–W10).

use std::borrow::Cow;

use super::hash::hash;

/// W1
pub(super) const HEADER: usize = 12;
/// W2.2: a body is shorter than this.
const LIMIT: usize = 32_768;
/// W4, W9: the fixed part of a chat message, and where its timestamp stands.
pub(super) const CHAT: usize = 36;
const STAMP: usize = 32;
/// W10
const PAIR: usize = 32;

/// The commands of W3.
pub(super) mod command {
    pub(crate) const AUTH_STATUS: u8 = 3;
    pub(crate) const ACK: u8 = 5;
    pub(crate) const PING: u8 = 13;
    pub(crate) const PONG: u8 = 14;
    pub(crate) const AUTH_TOKEN: u8 = 15;
    pub(crate) const CUSTOMER: u8 = 24;
    pub(crate) const CUSTOMER_SUPPORT: u8 = 25;
    pub(crate) const SYNC: u8 = 26;
    pub(crate) const SYNC_BEGIN: u8 = 27;
    pub(crate) const SYNC_END: u8 = 28;
    pub(crate) const SYNC_NOTIFY: u8 = 29;
    pub(crate) const SYNC_KEY: u8 = 34;
    pub(crate) const METADATA: u8 = 37;
    pub(crate) const CUSTOMER_V2: u8 = 64;
}

/// The flags of W8.
pub(super) mod flag {
    pub(crate) const UNPERSISTENT: u8 = 0x02;
    pub(crate) const SELF: u8 = 0x08;
    pub(crate) const PUSH: u8 = 0x10;
    /// What only a server says (W8.3).
    pub(crate) const OF_SERVERS: u8 = 0x38;
}

/// The 12 bytes in front of a body (W1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) seq: i32,
    pub(super) command: u8,
    pub(super) version: u8,
    pub(super) flags: u8,
    /// Byte 11.
    pub(super) last: u8,
}

/// A length that no reader takes (W2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BadLength(pub(super) i32);

/// One frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'b> {
    pub(super) head: Head,
    pub(super) body: &'b [u8],
}

/// The chat message in a body (W4, W9).
#[derive(Clone, Copy, Debug)]
pub(super) struct Chat<'b> {
    pub(super) command: u8,
    pub(super) ids: [i64; 4],
    pub(super) stamp: i32,
    pub(super) content: &'b [u8],
    /// Of the content.
    pub(super) hash: u64,
}

impl Head {
    /// W7.4: it carries no message, so it has no flags.
    pub(super) const fn is_made_by_servers(self) -> bool {
        matches!(
            self.command,
            command::AUTH_STATUS
                | command::ACK
                | command::PONG
                | command::SYNC_BEGIN
                | command::SYNC_END
                | command::SYNC_NOTIFY
                | command::METADATA
        )
    }
}

impl<'b> Frame<'b> {
    /// Takes the first frame off `bytes`; `None` while it is not whole.
    pub(super) fn take(bytes: &mut &'b [u8]) -> Result<Option<Self>, BadLength> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = int32(header);
        let wanted = usize::try_from(length).ok().filter(|length| *length < LIMIT);
        let wanted = wanted.ok_or(BadLength(length))?;
        let Some((body, rest)) = rest.split_at_checked(wanted) else { return Ok(None) };
        *bytes = rest;
        let &[.., command, version, flags, last] = header;
        let head = Head { seq: int32(&header[4..]), command, version, flags, last };
        Ok(Some(Self { head, body }))
    }

    /// One that has no number, version or flags.
    pub(super) const fn of(command: u8, body: &'b [u8]) -> Self {
        Self { head: Head { seq: 0, command, version: 0, flags: 0, last: 0 }, body }
    }

    /// The chat message in it, if it is one.
    pub(super) fn chat(&self) -> Option<Chat<'b>> {
        is_chat(self.head.command).then(|| Chat::read(self.head.command, self.body)).flatten()
    }

    /// W5: whether no reader takes the body.
    pub(super) fn is_malformed(&self) -> bool {
        let Self { head, body } = self;
        match head.command {
            command::PING | command::PONG => !body.is_empty(),
            command::AUTH_TOKEN => AuthToken::read(body).is_none(),
            command::AUTH_STATUS => body.len() < if head.version == 0 { 8 } else { 4 },
            command::CUSTOMER | command::CUSTOMER_SUPPORT | command::CUSTOMER_V2 => {
                body.len() < CHAT
            }
            command::SYNC
            | command::SYNC_BEGIN
            | command::SYNC_END
            | command::SYNC_NOTIFY
            | command::SYNC_KEY => body.len() < 8,
            command::METADATA => body.len() < PAIR,
            _ => false,
        }
    }
}

impl<'b> Chat<'b> {
    pub(super) fn read(command: u8, body: &'b [u8]) -> Option<Self> {
        let (fixed, content) = body.split_first_chunk::<CHAT>()?;
        let ids = [0, 8, 16, 24].map(|at| int64(&fixed[at..]));
        let stamp = int32(&fixed[STAMP..]);
        Some(Self { command, ids, stamp, content, hash: hash(content) })
    }
}

/// Who logs in, and from where (W3).
#[derive(Clone, Copy, Debug)]
pub(super) struct AuthToken<'b> {
    pub(super) platform: u8,
    pub(super) token: &'b [u8],
    pub(super) device: &'b [u8],
}

impl<'b> AuthToken<'b> {
    /// `None` where W5.5 or W5.6 refuses it.
    pub(super) fn read(body: &'b [u8]) -> Option<Self> {
        let (platform, rest) = body.split_first().filter(|_| body.len() > 3)?;
        let (token, rest) = counted(rest)?;
        let (device, _) = counted(rest)?;
        Some(Self { platform: *platform, token, device })
    }
}

/// Bytes behind their number.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// What was left of the stream, and what comes.
pub(super) fn joined<'b>(kept: &[u8], bytes: &'b [u8]) -> Cow<'b, [u8]> {
    if kept.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned([kept, bytes].concat()) }
}

/// Whether a body of this command is a chat message.
pub(super) const fn is_chat(command: u8) -> bool {
    matches!(command, command::CUSTOMER | command::CUSTOMER_SUPPORT | command::CUSTOMER_V2)
}

/// The number in the first 4 bytes, 0 where there are fewer (W3.6).
pub(super) fn int32(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes))
}

/// The number in the first 8 bytes, 0 where there are fewer.
pub(super) fn int64(bytes: &[u8]) -> i64 {
    bytes.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
