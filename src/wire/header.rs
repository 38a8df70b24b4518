//! The 12 bytes in front of every body (W1).

use byteorder::{BigEndian, ByteOrder};

use super::error::DecodeError;
use super::field::{Command, Flags, Version};
use super::limit::FrameLimit;
use crate::id::Seq;

/// The header of a frame (W1): 12 bytes, big-endian.
///
/// | bytes | field |
/// |---|---|
/// | 0–3 | length of the body, `i32` |
/// | 4–7 | seq, `i32` |
/// | 8 | command |
/// | 9 | version |
/// | 10 | flags |
/// | 11 | ignored when read, but for a hint at login (D1.3); 0 when written |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The length of the body in bytes, below 2³¹.
    pub body_len: u32,
    /// The sender's number for this frame.
    pub seq: Seq,
    /// What the body is.
    pub command: Command,
    /// The sender's version of the protocol.
    pub version: Version,
    /// The message's flags.
    pub flags: Flags,
}

impl Header {
    /// The length of a header in bytes.
    pub const LEN: usize = 12;

    /// Where the last byte stands, which is no field.
    pub(crate) const SPARE: usize = 11;

    /// Reads a header (W1) and checks its length against the reader's limit (W2).
    ///
    /// # Errors
    ///
    /// [`DecodeError::Length`] when the length is negative or not below `limit`.
    #[inline]
    pub fn decode(bytes: &[u8; Self::LEN], limit: FrameLimit) -> Result<Self, DecodeError> {
        let length = BigEndian::read_i32(&bytes[field::LENGTH]);
        // W2.1: a negative length has no `u32`.
        let body_len = u32::try_from(length)
            .ok()
            .filter(|&length| length < limit.get())
            .ok_or(DecodeError::Length { length, limit })?;
        Ok(Self {
            body_len,
            seq: Seq(BigEndian::read_i32(&bytes[field::SEQ])),
            command: Command(bytes[field::COMMAND]),
            version: Version(bytes[field::VERSION]),
            flags: Flags(bytes[field::FLAGS]),
            // W1.2: the last byte may be anything.
        })
    }

    /// The length of the whole frame in bytes.
    #[inline]
    pub(super) fn frame_len(&self) -> usize {
        let body_len = usize::try_from(self.body_len).unwrap_or(usize::MAX);
        Self::LEN.saturating_add(body_len)
    }

    /// The header's bytes (W1), the last of them 0.
    #[must_use]
    #[inline]
    pub fn encode(&self) -> [u8; Self::LEN] {
        // W1.3: the last byte stays 0.
        let mut bytes = [0; Self::LEN];
        BigEndian::write_u32(&mut bytes[field::LENGTH], self.body_len);
        BigEndian::write_i32(&mut bytes[field::SEQ], self.seq.0);
        bytes[field::COMMAND] = self.command.0;
        bytes[field::VERSION] = self.version.0;
        bytes[field::FLAGS] = self.flags.0;
        bytes
    }
}

/// Where the fields of a header stand (W1.1).
mod field {
    use core::ops::Range;

    pub(super) const LENGTH: Range<usize> = 0..4;
    pub(super) const SEQ: Range<usize> = 4..8;
    pub(super) const COMMAND: usize = 8;
    pub(super) const VERSION: usize = 9;
    pub(super) const FLAGS: usize = 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W1.1, W1.2, W1.3.
    #[test]
    fn w1_every_field_has_its_place_and_the_last_byte_is_ignored() {
        let bytes = [0, 0, 0x10, 1, 0x80, 0, 0, 2, 24, 3, 0xff, 2];
        let header = Header::decode(&bytes, FrameLimit::CLIENT).unwrap();
        assert_eq!(
            header,
            Header {
                body_len: 0x1001,
                seq: Seq(i32::MIN + 2),
                command: Command::CUSTOMER,
                version: Version(3),
                flags: Flags(0xff),
            }
        );
        let mut written = bytes;
        written[11] = 0;
        assert_eq!(header.encode(), written);
    }
}
