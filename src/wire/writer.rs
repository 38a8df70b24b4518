//! The numbers, version and flags of a server's frames (W7).

use bytes::BufMut;

use super::encode::{Encode, Head};
use super::error::EncodeError;
use super::field::Version;
use super::limit::FrameLimit;
use crate::id::Seq;

/// Numbers and writes the frames of one connection (W7), server side.
///
/// The first frame is number 1 and each further one is one more, whatever it is (W7.1); after
/// `i32::MAX` comes `i32::MIN` (W7.2). The version byte is 0 until
/// [`set_version`](Self::set_version) (W7.3). Flags are the message's own (W7.4).
///
/// ```
/// use kefu_proto::{Body, FrameWriter, Message, Seq, Version};
///
/// let mut writer = FrameWriter::default();
/// let mut out = Vec::new();
/// let pong = Message::from(Body::Pong);
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
    /// A writer at its first frame, for a peer that reads bodies below `limit`.
    #[must_use]
    pub const fn new(limit: FrameLimit) -> Self {
        Self { last: Seq(0), version: Version(0), limit }
    }

    /// From now on frames carry this version: the one that the client used in its AUTH_TOKEN
    /// (W7.3).
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The version that frames carry.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    pub(crate) const fn limit(&self) -> FrameLimit {
        self.limit
    }

    /// Writes a frame under the next number and returns that number. The seq and version of the
    /// message itself do not matter. A message that has a METADATA is two frames, with a number
    /// each: written together or not at all, and the second number is returned (W10.3).
    ///
    /// # Errors
    ///
    /// [`EncodeError::BodyTooLong`] (W2) or [`EncodeError::BufferTooSmall`]; nothing is written and
    /// no number used.
    pub fn write(
        &mut self,
        message: &impl Encode,
        dst: &mut impl BufMut,
    ) -> Result<Seq, EncodeError> {
        // W7.1, W7.2
        let seq = Seq(self.last.0.wrapping_add(message.frames()));
        // W7.4: what is not named here is the message's own.
        let head = Head { seq, version: self.version, ..message.head() };
        message.put_frame(head, self.limit, dst)?;
        // W7.5: used only once it is written.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::Command;
    use crate::wire::frame::Frame;
    use crate::wire::header::Header;
    use bytes::Bytes;

    /// W7.2.
    #[test]
    fn w7_past_the_last_number_comes_the_first_negative_one() {
        let mut writer = FrameWriter { last: Seq(i32::MAX - 1), ..FrameWriter::default() };
        let mut out = [0; 2 * Header::LEN];
        let mut out = &mut out[..];
        let pong = Frame::new(Command::PONG, Bytes::new());
        assert_eq!(writer.write(&pong, &mut out), Ok(Seq(i32::MAX)));
        assert_eq!(writer.write(&pong, &mut out), Ok(Seq(i32::MIN)));
        let needed = Header::LEN;
        let full = EncodeError::BufferTooSmall { needed, available: 0 };
        assert_eq!(writer.write(&pong, &mut out), Err(full));
    }
}
