//! What a store reports while it works.

use std::time::Duration;

/// Is told of everything that a store does, for metrics. Called on the store's own thread: it must
/// not block.
pub trait Observer: Send + Sync {
    /// Messages have been stored, or have not.
    fn group(&self, group: &Group);

    /// Pushes have been queued, or left out.
    fn pushes(&self, _pushes: Pushes) {}

    /// How many stored messages are in memory because they are not in the index on disk yet.
    fn unindexed(&self, _messages: usize) {}

    /// What waits in the push outbox. Reported about once a second.
    fn waiting(&self, _waiting: WaitingPushes) {}
}

/// Messages that were stored in one transaction, or not at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// How many messages it stored, or has failed to store.
    pub messages: usize,
    /// How many messages were repeats of stored ones.
    pub repeats: usize,
    /// How many other writes it had: sync keys, devices, the push outbox.
    pub others: usize,
    /// From its begin until it was on disk.
    pub took: Duration,
    /// How long the commit took, the sync included.
    pub commit: Duration,
    /// Why it was not stored.
    pub failure: Option<SaveFailure>,
}

/// Why messages were not stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SaveFailure {
    /// The disk does not write, or NATS refuses.
    Failed,
    /// A part of the database is corrupt.
    Corrupt,
    /// The disk is full up to the bound of `--min-free`.
    NoSpace,
    /// The message is longer than NATS takes.
    TooLong,
    /// NATS has not answered for as long as a repeat is recognised.
    Timeout,
}

impl SaveFailure {
    pub const ALL: [Self; 5] =
        [Self::Failed, Self::Corrupt, Self::NoSpace, Self::TooLong, Self::Timeout];
}

/// What became of pushes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pushes {
    /// How many were put into the outbox.
    pub queued: usize,
    /// How many were left out because too many wait for their receiver.
    pub beyond_account: usize,
    /// How many were left out because too many wait in all.
    pub beyond_all: usize,
}

/// The bound that a push was left out for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PushBound {
    /// Pushes that wait for one receiver.
    Account,
    /// Pushes that wait in all.
    All,
}

impl PushBound {
    pub const ALL: [Self; 2] = [Self::Account, Self::All];
}

/// The push outbox.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WaitingPushes {
    pub count: u64,
    /// The age of the oldest; zero if there is none.
    pub oldest: Duration,
}
