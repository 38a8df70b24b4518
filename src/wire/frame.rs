//! W1, W2: cutting a byte stream into frames, without copying a body.

use core::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Command, Flags, Head, Header, Layout, Version};
use crate::error::DecodeError;
use crate::{Message, Seq};

/// Cuts a byte stream into frames.
///
/// It holds no bytes: what has arrived stays in the caller's buffer until a frame is whole. A peer that sends one byte at a
/// time costs one look at 12 bytes per call, a refused length is refused from the header alone, and nothing is ever reserved
/// on the word of a length field.
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{Command, FrameDecoder, FrameLimit};
///
/// let decoder = FrameDecoder::new(FrameLimit::CLIENT);
/// let mut read = BytesMut::from(&b"\0\0\0\0\0\0\0\x01\x0d\x01"[..]);
/// assert_eq!(decoder.decode(&mut read)?, None); // two bytes of the header are missing
/// read.extend_from_slice(b"\0\0");
/// let ping = decoder.decode(&mut read)?.expect("a whole frame");
/// assert_eq!(ping.command, Command::PING);
/// # Ok::<(), kefu_proto::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameDecoder {
    limit: FrameLimit,
}

impl FrameDecoder {
    /// A decoder that refuses bodies of `limit` bytes and more.
    #[must_use]
    pub const fn new(limit: FrameLimit) -> Self {
        Self { limit }
    }

    /// Takes the next frame from the front of `read`; `None`, and `read` as it was, while it is incomplete.
    ///
    /// The body is a slice of `read`'s memory: as long as the frame or anything parsed from it lives, so does that memory.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Length`] (W2), as soon as the header is there. `read` is left as it was, so the error repeats: the
    /// stream has no next frame, and a server closes the connection (S7).
    #[inline]
    pub fn decode(&self, read: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let Some(header) = read.first_chunk() else {
            return Ok(None);
        };
        let Header { body_len, seq, command, version, flags } = Header::decode(header, self.limit)?;
        // W2.3: nothing is reserved, it is waited.
        let end = Header::LEN.saturating_add(usize::try_from(body_len).unwrap_or(usize::MAX));
        if read.len() < end {
            return Ok(None);
        }
        let mut body = read.split_to(end).freeze();
        body.advance(Header::LEN);
        Ok(Some(Frame { seq, command, version, flags, body }))
    }
}

/// How long a body may not be (W2.1): a reader refuses a body of this many bytes, and of more.
///
/// Displayed as the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameLimit(u32);

impl FrameLimit {
    /// The limit of a client connection (W2.2): bodies of at most 32,767 bytes, so contents of at most 32,731.
    pub const CLIENT: Self = Self(32 * 1024);
    /// No limit but that of the length field: bodies of at most 2³¹ − 1 bytes.
    pub const MAX: Self = Self(1 << 31);

    /// The limit of `bytes`: the first length that is refused. More than [`MAX`](Self::MAX) means the same as `MAX`.
    #[must_use]
    pub const fn new(bytes: u32) -> Self {
        if bytes > Self::MAX.0 { Self::MAX } else { Self(bytes) }
    }

    /// The first length that is refused, in bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FrameLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A frame as it came, its body not looked at.
///
/// `Debug` shows the length of the body, never its bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct Frame {
    /// The sender's number for this frame.
    pub seq: Seq,
    /// What the body is.
    pub command: Command,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags.
    pub flags: Flags,
    /// The body.
    pub body: Bytes,
}

impl Layout for Frame {
    #[inline]
    fn head(&self) -> Head {
        let Self { seq, command, version, flags, .. } = *self;
        Head { seq, command, version, flags }
    }

    #[inline]
    fn body_len(&self, _: Version) -> usize {
        self.body.len()
    }

    fn put_body(&self, _: Version, dst: &mut impl BufMut) {
        dst.put_slice(&self.body);
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("seq", &self.seq)
            .field("command", &self.command)
            .field("version", &self.version)
            .field("flags", &self.flags)
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// What a frame turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming {
    /// A command of the table (W3), its body read.
    Message(Message),
    /// Any other command: for the host, as it came (W3.4).
    Unlisted(Frame),
}

impl Layout for Incoming {
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
}
