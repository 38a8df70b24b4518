//! What became of a row.

use crate::wire::{DecodeError, FrameLimit};

/// What became of a row of the queue.
///
/// Non-exhaustive: there may be more reasons. A host may ignore it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyncRow {
    /// It is part of the answer.
    Taken,
    /// It is not: this device has sent it, or its msgid is not after the current position.
    LeftOut,
    /// It is not: its body does not fit its command, so no client could read it (D4.8). A store
    /// should not hold such a row: log it.
    Unreadable(DecodeError),
    /// It is not: its frame would not be below the limit of this connection, so its reader would
    /// refuse it (D4.9). Log it: this client never gets the message.
    TooLong {
        /// The length of the body in bytes.
        length: usize,
        /// The limit of the connection.
        limit: FrameLimit,
    },
    /// It is not: the answer is full (S12.1). The client asks again.
    Full,
}
