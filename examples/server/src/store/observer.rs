//! What a store reports while it works.

use std::time::Duration;

/// Is told of every group, for metrics. Called on the store's own thread: it must not block.
pub trait Observer: Send + Sync {
    /// A group has been committed, or rolled back.
    fn group(&self, group: &Group);
}

/// Messages that were stored in one transaction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// How many messages it stored.
    pub messages: usize,
    /// How many messages were repeats of stored ones.
    pub repeats: usize,
    /// How many other writes it had: sync keys, devices, the push outbox.
    pub others: usize,
    /// From its begin until it was on disk.
    pub took: Duration,
    /// How long the commit took, the sync included.
    pub commit: Duration,
    /// Whether it was committed.
    pub committed: bool,
}
