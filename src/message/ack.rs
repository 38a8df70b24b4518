//! ACK: a message has been dealt with (W3, W5.3).

use bytes::BufMut;

use crate::id::Seq;

/// The body of an ACK.
///
/// Non-exhaustive: version 2 of the protocol adds a status. A [`Seq`] converts into it.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ack {
    /// The number of the frame that is acknowledged (H9.1).
    pub seq: Seq,
}

impl From<Seq> for Ack {
    fn from(seq: Seq) -> Self {
        Self { seq }
    }
}

impl Ack {
    /// The length of the body in bytes.
    pub(crate) const LEN: usize = 4;

    /// W5.3: a shorter body means seq 0.
    #[inline]
    pub(super) fn read(body: &[u8]) -> Self {
        Self { seq: Seq(body.first_chunk().copied().map_or(0, i32::from_be_bytes)) }
    }

    #[inline]
    pub(crate) fn put(self, dst: &mut impl BufMut) {
        dst.put_i32(self.seq.0);
    }
}
