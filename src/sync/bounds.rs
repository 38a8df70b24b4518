//! How much one SYNC is answered (S12).

/// How much of a queue one SYNC is answered at most (S12.1). What is left, the client asks for with
/// the next. [`Online::set_sync_bounds`](crate::Online::set_sync_bounds) changes it.
///
/// Whichever bound is reached first ends the answer; the row that reaches it is part of it, so a
/// bound of 0 means one row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SyncBounds {
    /// Rows that are looked at, those that are left out included. 1,000 by default.
    pub rows: usize,
    /// Bytes of the frames with messages, headers included. 262,144 by default.
    pub bytes: usize,
}

impl Default for SyncBounds {
    fn default() -> Self {
        Self { rows: 1000, bytes: 256 * 1024 }
    }
}

impl SyncBounds {
    /// S12.1: one message always fits.
    pub(super) const fn at_least_one(self) -> Self {
        let Self { rows, bytes } = self;
        Self { rows: if rows == 0 { 1 } else { rows }, bytes: if bytes == 0 { 1 } else { bytes } }
    }
}
