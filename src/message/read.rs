//! What reading the bodies has in common (W5).

use crate::wire::{Command, DecodeError};

/// W5.1: the first `N` bytes of a body; a shorter body is an error. W5.2: the rest is not looked
/// at.
#[inline]
pub(super) fn fixed<const N: usize>(
    command: Command,
    body: &[u8],
) -> Result<&[u8; N], DecodeError> {
    body.first_chunk().ok_or(DecodeError::TooShort { command, needed: N, actual: body.len() })
}

/// W5.4: PING and PONG have no body.
pub(super) const fn empty(command: Command, body: &[u8]) -> Result<(), DecodeError> {
    if body.is_empty() {
        return Ok(());
    }
    Err(DecodeError::NotEmpty { command, actual: body.len() })
}
