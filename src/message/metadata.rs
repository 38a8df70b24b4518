//! METADATA: what the frame behind it continues (W10).

use byteorder::{BigEndian, ByteOrder};
use bytes::BufMut;

use super::read::fixed;
use crate::id::{MsgId, Seq};
use crate::wire::{Command, DecodeError, EncodeError, Flags, FrameLimit, Head, Header, Layout};
use crate::wire::{check_body_len, check_room, put_frame};

/// Where a live copy or an ACK stands in the queue of the account that gets it (W10).
///
/// A client whose sync key is `prev_sync_key` has missed nothing and makes `sync_key` its own;
/// any other drops the copy and syncs.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metadata {
    /// The msgid of the copy.
    pub sync_key: MsgId,
    /// The msgid that was the newest in that queue right before; 0 where there was none.
    pub prev_sync_key: MsgId,
}

impl Metadata {
    /// The length of the body in bytes.
    pub(crate) const LEN: usize = 32;

    /// W10.2: what follows the two keys is not looked at, but has to be there.
    pub(super) fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let fixed: &[u8; Self::LEN] = fixed(Command::METADATA, body)?;
        Ok(Self {
            sync_key: MsgId(BigEndian::read_i64(&fixed[..8])),
            prev_sync_key: MsgId(BigEndian::read_i64(&fixed[8..16])),
        })
    }

    /// W10.1
    pub(crate) fn put(self, dst: &mut impl BufMut) {
        let mut body = [0; Self::LEN];
        BigEndian::write_i64(&mut body[..8], self.sync_key.0);
        BigEndian::write_i64(&mut body[8..16], self.prev_sync_key.0);
        dst.put_slice(&body);
    }
}

/// Writes METADATA and the message that it belongs to, or nothing (W10.3). `head` is the message's;
/// METADATA has the number before it.
///
/// Not inlined: a caller that writes no pair stays small.
#[inline(never)]
pub(crate) fn put_pair(
    metadata: Metadata,
    message: &impl Layout,
    head: Head,
    limit: FrameLimit,
    dst: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let length = message.body_len(head.version);
    check_body_len(length, limit)?;
    check_room((2 * Header::LEN + Metadata::LEN).saturating_add(length), dst)?;
    let seq = Seq(head.seq.0.wrapping_sub(1));
    let first = Head { seq, command: Command::METADATA, version: head.version, flags: Flags::NONE };
    put_frame(first, Metadata::LEN, limit, dst, |dst| metadata.put(dst))?;
    put_frame(head, length, limit, dst, |dst| message.put_body(head.version, dst))
}
