//! Writing frames whole or not at all (W1, W2).

use bytes::BufMut;

use super::error::EncodeError;
use super::field::{Command, Flags, Version};
use super::header::Header;
use super::limit::FrameLimit;
use super::view::View;
use crate::id::Seq;

/// What can be written to a connection: [`Message`](crate::Message),
/// [`ChatMessage`](crate::ChatMessage), [`Outbound`](crate::Outbound),
/// [`OwnedOutbound`](crate::OwnedOutbound), [`Frame`](crate::Frame), [`Parsed`](crate::Parsed) and
/// references to them.
///
/// A value is written whole (S8.1) or, on an error, not at all. The trait is sealed. Over WebSocket
/// each frame is one binary message (S9.1): encode each into a buffer of its own.
///
/// ```
/// use kefu_proto::{Body, Encode, Flags, Message, Seq, Version};
///
/// let pong = Message { seq: Seq(5), version: Version(1), flags: Flags::NONE, body: Body::Pong };
/// let mut out = Vec::new();
/// pong.encode(&mut out)?;
/// assert_eq!(out, [0, 0, 0, 0, 0, 0, 0, 5, 14, 1, 0, 0]);
/// # Ok::<(), kefu_proto::EncodeError>(())
/// ```
pub trait Encode: Layout {
    /// The command of the frame.
    fn command(&self) -> Command {
        self.head().command
    }

    /// The message's own number; 0 in what the handler makes itself (H9.2).
    fn seq(&self) -> Seq {
        self.head().seq
    }

    /// The message's own version; 0 in what the handler makes itself (H9.2).
    fn version(&self) -> Version {
        self.head().version
    }

    /// The flags of the message.
    fn flags(&self) -> Flags {
        self.head().flags
    }

    /// The length of the body in bytes, as [`encode_body`](Self::encode_body) writes it. A
    /// [`FrameWriter`](crate::FrameWriter) with another version than the message's writes an
    /// AUTH_STATUS longer or shorter (W3).
    fn encoded_body_len(&self) -> usize {
        self.body_len(self.head().version)
    }

    /// Writes header and body with the message's own seq and version, for a reader with the limit
    /// of a client connection. A server numbers its frames: see
    /// [`FrameWriter`](crate::FrameWriter).
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written
    /// then.
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        self.encode_within(FrameLimit::CLIENT, dst)
    }

    /// Writes header and body for a reader with the given limit.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written
    /// then.
    fn encode_within(&self, limit: FrameLimit, dst: &mut impl BufMut) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        self.put_frame(self.head(), limit, dst)
    }

    /// Writes the body without a header: with [`command`](Self::command), this is what a store
    /// keeps (H10.1).
    ///
    /// # Errors
    ///
    /// [`EncodeError::BufferTooSmall`]; nothing is written then.
    fn encode_body(&self, dst: &mut impl BufMut) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        let version = self.head().version;
        check_room(self.body_len(version), dst)?;
        self.put_body(version, dst);
        Ok(())
    }
}

impl<T: Layout> Encode for T {}

/// What a message brings to [`Encode`]: a sealed supertrait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message that can be written",
    note = "of an `Effect`, write `effect.message()`; put a `Body` into a `Message`"
)]
pub trait Layout {
    /// Everything of the header but the length.
    fn head(&self) -> Head;

    /// How many bytes `put_body` writes.
    fn body_len(&self, version: Version) -> usize;

    /// Writes the body into a buffer that has room for it.
    fn put_body(&self, version: Version, dst: &mut impl BufMut)
    where
        Self: Sized;

    /// How many frames `put_frame` writes: 2 for a pair, whose METADATA takes a number of its own
    /// (W10.3).
    #[inline]
    fn frames(&self) -> i32 {
        1
    }

    /// What a connection has to see of it to choose its form.
    #[inline]
    fn view(&self) -> View<'_> {
        View::Opaque
    }

    /// Writes header and body, or nothing. `head` is that of the last frame.
    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        let version = head.version;
        let length = self.body_len(version);
        put_frame(head, length, limit, dst, |dst| self.put_body(version, dst))
    }
}

impl<T: Layout> Layout for &T {
    #[inline]
    fn head(&self) -> Head {
        (**self).head()
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        (**self).body_len(version)
    }

    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        (**self).put_body(version, dst);
    }

    #[inline]
    fn frames(&self) -> i32 {
        (**self).frames()
    }

    #[inline]
    fn view(&self) -> View<'_> {
        (**self).view()
    }

    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        (**self).put_frame(head, limit, dst)
    }
}

/// A header without its length.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub seq: Seq,
    pub command: Command,
    pub version: Version,
    pub flags: Flags,
}

/// Writes header and body, or nothing.
#[inline]
pub(crate) fn put_frame<B: BufMut>(
    head: Head,
    length: usize,
    limit: FrameLimit,
    dst: &mut B,
    put_body: impl FnOnce(&mut B),
) -> Result<(), EncodeError> {
    let Head { seq, command, version, flags } = head;
    let body_len = check_body_len(length, limit)?;
    // S8.1
    check_room(Header::LEN.saturating_add(length), dst)?;
    dst.put_slice(&Header { body_len, seq, command, version, flags }.encode());
    put_body(dst);
    Ok(())
}

/// W2.4: what a reader would refuse is not written.
#[inline]
pub(crate) fn check_body_len(length: usize, limit: FrameLimit) -> Result<u32, EncodeError> {
    u32::try_from(length)
        .ok()
        .filter(|&length| length < limit.get())
        .ok_or(EncodeError::BodyTooLong { length, limit })
}

/// A `BufMut` panics when it is full, so it is asked first.
#[inline]
pub(crate) fn check_room(needed: usize, dst: &impl BufMut) -> Result<(), EncodeError> {
    let available = dst.remaining_mut();
    if available < needed {
        return Err(EncodeError::BufferTooSmall { needed, available });
    }
    Ok(())
}
