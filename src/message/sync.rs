//! The bodies of SYNC, SYNC_BEGIN, SYNC_END, SYNC_NOTIFY and SYNC_KEY: one msgid (W3).

use bytes::BufMut;

use super::read::fixed;
use crate::id::MsgId;
use crate::wire::{Command, DecodeError};

/// The length of these bodies in bytes.
pub(crate) const LEN: usize = 8;

pub(super) fn read(command: Command, body: &[u8]) -> Result<MsgId, DecodeError> {
    fixed(command, body).map(|key: &[u8; LEN]| MsgId(i64::from_be_bytes(*key)))
}

#[inline]
pub(crate) fn put(key: MsgId, dst: &mut impl BufMut) {
    dst.put_i64(key.0);
}
