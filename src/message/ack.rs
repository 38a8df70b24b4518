//! ACK: a message has been dealt with (W3, W5.3).

use bytes::BufMut;

use crate::id::{Seq, number};
use crate::wire::{
    Command, EncodeError, Flags, FrameLimit, Head, Layout, Version, View, put_frame,
};

/// The body of an ACK. A [`Seq`] converts into one that says success.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
// So that an effect carries it as one word. As two numbers, it overlaps other words in `Outbound`,
// and a list of effects takes 10 % more instructions, as counted.
#[repr(align(8))]
pub struct Ack {
    /// The number of the frame that is acknowledged (H9.1).
    pub seq: Seq,
    /// What became of it. Only a frame of version 2 or more carries it (W3.5); read from any other,
    /// it is 0.
    pub status: AckStatus,
}

impl From<Seq> for Ack {
    #[inline]
    fn from(seq: Seq) -> Self {
        Self { seq, status: AckStatus::OK }
    }
}

number! {
    /// What became of an acknowledged message (W3.5).
    ///
    /// Clients of version 2 know these numbers from the chats of the same server between friends.
    /// What they show for one after a customer-service message is up to them.
    AckStatus(i8)
}

impl AckStatus {
    /// The message was accepted.
    pub const OK: Self = Self(0);
    /// The receiver is no friend of the sender.
    pub const NOT_MY_FRIEND: Self = Self(1);
    /// The sender is no friend of the receiver.
    pub const NOT_YOUR_FRIEND: Self = Self(2);
    /// The receiver takes nothing from this sender.
    pub const BLOCKED: Self = Self(3);
}

impl Ack {
    /// W3.6, W5.3: what is missing is 0.
    #[inline]
    pub(super) fn read(version: Version, body: &[u8]) -> Self {
        let seq = Seq(body.first_chunk().copied().map_or(0, i32::from_be_bytes));
        let status = body.get(4).filter(|_| carries_status(version));
        Self { seq, status: AckStatus(status.map_or(0, |&byte| i8::from_be_bytes([byte]))) }
    }

    #[inline]
    pub(crate) const fn body_len(version: Version) -> usize {
        if carries_status(version) { 5 } else { 4 }
    }

    #[inline]
    pub(crate) fn put(self, version: Version, dst: &mut impl BufMut) {
        dst.put_i32(self.seq.0);
        if carries_status(version) {
            dst.put_i8(self.status.0);
        }
    }
}

/// An ACK that no connection has numbered yet (H9.2).
impl Layout for Ack {
    #[inline]
    fn head(&self) -> Head {
        // H9.2, unless the status needs another version (W3.7).
        let version = if self.status == AckStatus::OK { Version(0) } else { Version::V2 };
        Head { seq: Seq(0), command: Command::ACK, version, flags: Flags::NONE }
    }

    #[inline]
    fn body_len(&self, version: Version) -> usize {
        Self::body_len(version)
    }

    #[inline]
    fn put_body(&self, version: Version, dst: &mut impl BufMut) {
        self.put(version, dst);
    }

    #[inline]
    fn put_frame(
        &self,
        head: Head,
        limit: FrameLimit,
        dst: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        // Each length by itself: where it is known, header and body are a few stores.
        if carries_status(head.version) {
            put_frame(head, 5, limit, dst, |dst| self.put(Version::V2, dst))
        } else {
            put_frame(head, 4, limit, dst, |dst| self.put(Version(0), dst))
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View::Status(self.status.0)
    }
}

/// W3.5
#[inline]
const fn carries_status(version: Version) -> bool {
    version.0 >= Version::V2.0
}
