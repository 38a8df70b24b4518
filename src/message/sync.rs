//! The bodies of SYNC, SYNC_BEGIN, SYNC_END, SYNC_NOTIFY and SYNC_KEY: one msgid (W3).

use super::read::fixed;
use crate::id::MsgId;
use crate::wire::{Command, DecodeError};

pub(super) const LEN: usize = 8;

pub(super) fn read(command: Command, body: &[u8]) -> Result<MsgId, DecodeError> {
    fixed(command, body).map(|key: &[u8; LEN]| MsgId(i64::from_be_bytes(*key)))
}
