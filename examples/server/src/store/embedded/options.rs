//! What a host can set, and where it can look on.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use kefu_proto::MsgId;

/// How a store is run; the defaults suit a server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// How much may wait to be stored before callers have to wait: messages, where each full KiB
    /// of content counts as one more.
    pub waiting: NonZeroUsize,
    /// How much goes into one transaction at most, counted likewise.
    pub group: NonZeroUsize,
    /// How many uuids of active senders are kept in memory, at about 30 bytes each.
    pub marks: usize,
    /// Messages get greater ids than this, and than those that there are.
    pub after: MsgId,
    /// How many queues can be read at the same time.
    pub readers: NonZeroU32,
    /// The database may have this many pages of 4 KiB at most. For tests of a full disk.
    pub max_pages: Option<u32>,
    /// Is told of every group.
    pub observer: Option<Arc<dyn Observer>>,
    /// Can make commits fail. For tests.
    pub fault: Option<Arc<dyn Fault>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            waiting: const { NonZeroUsize::new(32 * 1024).expect("not 0") },
            group: const { NonZeroUsize::new(8 * 1024).expect("not 0") },
            marks: 4 * 1024 * 1024,
            after: MsgId(0),
            readers: const { NonZeroU32::new(2).expect("not 0") },
            max_pages: None,
            observer: None,
            fault: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("waiting", &self.waiting)
            .field("group", &self.group)
            .field("marks", &self.marks)
            .field("after", &self.after)
            .field("readers", &self.readers)
            .field("max_pages", &self.max_pages)
            .finish_non_exhaustive()
    }
}

/// Looks on while the store works, for metrics. Called on the store's thread: must not wait.
pub trait Observer: Send + Sync {
    /// A group has been committed, or rolled back.
    fn group(&self, group: &Group);
}

/// One transaction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// How many messages it stored.
    pub messages: usize,
    /// How many messages were repeats of stored ones.
    pub repeats: usize,
    /// How many other things it did: sync keys, devices, the push outbox.
    pub others: usize,
    /// How long it took from its begin until it was on disk.
    pub took: Duration,
    /// How long the commit took, the sync included.
    pub commit: Duration,
    /// Whether it was committed.
    pub committed: bool,
}

/// Stands between the store and its disk, so that a test can make the disk fail.
pub trait Fault: Send + Sync {
    /// Asked before each step: an error is what the step fails with, without having been done.
    ///
    /// # Errors
    ///
    /// Whatever the test wants the disk to have said.
    fn permit(&self, step: Step) -> rusqlite::Result<()>;
}

/// What the store asks of its disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Put a group into the write-ahead log, and sync it.
    Commit,
    /// Copy the log into the database, and sync that.
    Checkpoint,
}
