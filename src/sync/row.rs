//! What became of a row.

use crate::wire::DecodeError;

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
    /// It is not: the answer is full (S12.1). The client asks again.
    Full,
}
