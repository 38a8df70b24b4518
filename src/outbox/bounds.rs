//! How much waits for one connection.

/// How much an [`Outbox`](crate::Outbox) holds at most, whichever bound is reached first.
///
/// A message fits if both bounds hold with it. One that is larger than `bytes` by itself never
/// fits, so `bytes` should be above the connection's frame limit. A SYNC_NOTIFY and ACKs are kept
/// even if they do not fit (S13.2, S13.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutboxBounds {
    /// Messages that wait. 4,096 by default.
    pub messages: usize,
    /// Bytes that they take in memory, as [`Outbox::bytes`](crate::Outbox::bytes) counts them.
    /// 262,144 by default.
    pub bytes: usize,
}

impl Default for OutboxBounds {
    fn default() -> Self {
        Self { messages: 4096, bytes: 256 * 1024 }
    }
}
