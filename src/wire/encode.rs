//! W1, W2, W7: writing frames whole or not at all.

use bytes::BufMut;

use super::{Command, Flags, FrameLimit, Header, Version};
use crate::Seq;
use crate::error::EncodeError;

/// What can be written to a connection: [`Message`](crate::Message), [`ChatMessage`](crate::ChatMessage),
/// [`Outbound`](crate::Outbound), [`Frame`](crate::Frame), [`Incoming`](crate::Incoming) and references to them.
///
/// Whatever is written is written whole (S8.1) or, on an error, not at all. The trait is sealed: the crate implements it.
/// Over WebSocket each frame is one binary message (S9.1): encode each into a buffer of its own.
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

    /// The message's own number; what the handler makes itself has 0 (H9.2).
    fn seq(&self) -> Seq {
        self.head().seq
    }

    /// The message's own version; what the handler makes itself has 0 (H9.2).
    fn version(&self) -> Version {
        self.head().version
    }

    /// The flags of the message.
    fn flags(&self) -> Flags {
        self.head().flags
    }

    /// The length of the body in bytes, as [`encode_body`](Self::encode_body) writes it. A [`FrameWriter`] with another version
    /// than the message's writes an AUTH_STATUS longer or shorter (W3).
    fn encoded_body_len(&self) -> usize {
        self.body_len(self.head().version)
    }

    /// Writes header and body, for a reader with the limit of a client connection, with the message's own seq and version.
    /// A server numbers its frames instead: see [`FrameWriter`].
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written then.
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
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written then.
    fn encode_within(&self, limit: FrameLimit, dst: &mut impl BufMut) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        self.put_frame(self.head(), limit, dst)
    }

    /// Writes the body without a header: with [`command`](Self::command), this is what a store keeps (H10.1).
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

/// Numbers and writes the frames of one connection (W7), server side.
///
/// The first frame is number 1, each further one is one more, whatever it is (W7.1); past `i32::MAX` the number goes on at
/// `i32::MIN` (W7.2). The version byte is 0 until [`set_version`](Self::set_version) (W7.3). Flags are the message's own
/// (W7.4).
///
/// ```
/// use kefu_proto::{Body, Flags, FrameWriter, Message, Seq, Version};
///
/// let mut writer = FrameWriter::default();
/// let mut out = Vec::new();
/// let pong = Message { seq: Seq(0), version: Version(0), flags: Flags::NONE, body: Body::Pong };
/// assert_eq!(writer.write(&pong, &mut out)?, Seq(1));
/// writer.set_version(Version(1)); // a login succeeded
/// assert_eq!(writer.write(&pong, &mut out)?, Seq(2));
/// assert_eq!(out[12..], [0, 0, 0, 0, 0, 0, 0, 2, 14, 1, 0, 0]);
/// # Ok::<(), kefu_proto::EncodeError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FrameWriter {
    last: Seq,
    version: Version,
    limit: FrameLimit,
}

impl FrameWriter {
    /// A writer that has written nothing yet, for a peer that reads bodies below `limit`.
    #[must_use]
    pub const fn new(limit: FrameLimit) -> Self {
        Self { last: Seq(0), version: Version(0), limit }
    }

    /// From now on frames carry this version: the one that the client used in its AUTH_TOKEN (W7.3).
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Writes a frame under the next number and returns that number. What seq and version the message itself has does not
    /// matter.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written then and no number used.
    pub fn write(
        &mut self,
        message: &impl Encode,
        dst: &mut impl BufMut,
    ) -> Result<Seq, EncodeError> {
        // W7.1, W7.2
        let seq = Seq(self.last.0.wrapping_add(1));
        // W7.4: what is not named here is the message's own.
        let head = Head { seq, version: self.version, ..message.head() };
        message.put_frame(head, self.limit, dst)?;
        // W7.5: not before it is written.
        self.last = seq;
        Ok(seq)
    }
}

/// For a client connection: [`FrameLimit::CLIENT`].
impl Default for FrameWriter {
    fn default() -> Self {
        Self::new(FrameLimit::CLIENT)
    }
}

/// What a message brings to [`Encode`]. Public in name only: its module is not.
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

    /// Writes header and body, or nothing.
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
}

/// A header without its length.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub seq: Seq,
    pub command: Command,
    pub version: Version,
    pub flags: Flags,
}

#[inline]
pub(super) fn put_frame<B: BufMut>(
    head: Head,
    length: usize,
    limit: FrameLimit,
    dst: &mut B,
    put_body: impl FnOnce(&mut B),
) -> Result<(), EncodeError> {
    let Head { seq, command, version, flags } = head;
    // W2.4
    let body_len = u32::try_from(length)
        .ok()
        .filter(|&length| length < limit.get())
        .ok_or(EncodeError::BodyTooLong { length, limit })?;
    // S8.1
    check_room(Header::LEN.saturating_add(length), dst)?;
    dst.put_slice(&Header { body_len, seq, command, version, flags }.encode());
    put_body(dst);
    Ok(())
}

/// A `BufMut` without room panics: asked first, it is an error.
#[inline]
fn check_room(needed: usize, dst: &impl BufMut) -> Result<(), EncodeError> {
    let available = dst.remaining_mut();
    if available < needed {
        return Err(EncodeError::BufferTooSmall { needed, available });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::message::unnumbered;

    /// W7.2.
    #[test]
    fn w7_past_the_last_number_comes_the_first_negative_one() {
        let mut writer = FrameWriter { last: Seq(i32::MAX - 1), ..FrameWriter::default() };
        let mut out = [0; 2 * Header::LEN];
        let mut out = &mut out[..];
        let pong = unnumbered(Body::Pong);
        assert_eq!(writer.write(&pong, &mut out), Ok(Seq(i32::MAX)));
        assert_eq!(writer.write(&pong, &mut out), Ok(Seq(i32::MIN)));
        let needed = Header::LEN;
        let full = EncodeError::BufferTooSmall { needed, available: 0 };
        assert_eq!(writer.write(&pong, &mut out), Err(full));
    }
}
