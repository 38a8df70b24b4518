//! Cutting a byte stream into frames, without copying a body (W1, W2).

use bytes::{Buf, Bytes, BytesMut};

use super::error::DecodeError;
use super::field::Command;
use super::frame::Frame;
use super::header::Header;
use super::limit::FrameLimit;

/// Cuts a byte stream into frames.
///
/// It holds no bytes: what has arrived stays in the caller's buffer until a frame is complete. A
/// peer that sends one byte at a time costs one look at 12 bytes per call, a length over the limit
/// is refused from the header alone, and no memory is reserved from an unverified length.
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

    /// Takes the next frame from the front of `read`. Returns `None`, and leaves `read` as it was,
    /// while the frame is incomplete.
    ///
    /// The body is a slice of `read`'s memory, which lives as long as the frame or anything parsed
    /// from it. [`Frame::parse`] reads the body.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Length`] (W2), as soon as the header is there. `read` is left as it was, so
    /// the error repeats: the stream has no next frame, and a server closes the connection (S7).
    #[inline]
    pub fn decode(&self, read: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let Some((header, mut body)) = self.split(read)? else { return Ok(None) };
        let Header { seq, command, version, flags, .. } = header;
        body.advance(Header::LEN);
        Ok(Some(Frame { seq, command, version, flags, body }))
    }

    /// Like [`decode`](Self::decode), but returns the frame as the bytes that it is, header
    /// included.
    ///
    /// For transports that pass frames on without reading them: over WebSocket each message is one
    /// frame (S9.1), so a message is good when `cut` takes all of it.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use kefu_proto::{FrameDecoder, FrameLimit};
    ///
    /// let ping = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";
    /// let mut read = BytesMut::from(&[&ping[..], &ping[..5]].concat()[..]);
    /// let decoder = FrameDecoder::new(FrameLimit::CLIENT);
    /// assert_eq!(decoder.cut(&mut read)?.as_deref(), Some(&ping[..]));
    /// assert_eq!(decoder.cut(&mut read)?, None); // the second frame is incomplete
    /// # Ok::<(), kefu_proto::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn cut(&self, read: &mut BytesMut) -> Result<Option<Bytes>, DecodeError> {
        Ok(self.split(read)?.map(|(_, frame)| frame))
    }

    /// The command of the frame at the front of `read` and how many bytes it takes, once it is
    /// complete.
    pub(crate) fn peek(self, read: &[u8]) -> Result<Option<(Command, usize)>, DecodeError> {
        let Some(header) = read.first_chunk() else { return Ok(None) };
        let header = Header::decode(header, self.limit)?;
        let end = header.frame_len();
        Ok((end <= read.len()).then_some((header.command, end)))
    }

    #[inline]
    fn split(self, read: &mut BytesMut) -> Result<Option<(Header, Bytes)>, DecodeError> {
        let Some(header) = read.first_chunk() else {
            return Ok(None);
        };
        let header = Header::decode(header, self.limit)?;
        // W2.3: waits for more input and reserves nothing.
        let end = header.frame_len();
        if read.len() < end {
            return Ok(None);
        }
        Ok(Some((header, read.split_to(end).freeze())))
    }
}
