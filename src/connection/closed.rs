//! Why a connection is over.

use thiserror::Error;

use crate::wire::{DecodeError, EncodeError};

/// Why a connection is over. What was queued for it is still written (S7.2).
///
/// On TCP, shut down the writing side then and read on for a moment: a socket that is closed with
/// unread bytes in it is reset, and what was written last may be lost.
///
/// Non-exhaustive: there may be more reasons. All mean the same to a host: write what is queued and
/// close.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Closed {
    /// The client sent bytes that are no frame or no message.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// A frame could not be written.
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
}
