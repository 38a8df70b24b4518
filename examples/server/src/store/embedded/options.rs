//! Settings of the embedded store.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use kefu_proto::MsgId;

use crate::store::observer::Observer;
use crate::store::push::PushBounds;

/// How a store is run; the defaults suit a server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// How many messages may be queued before callers have to wait. Each full KiB of content counts
    /// as one more message.
    pub waiting: NonZeroUsize,
    /// How many messages one transaction may have, counted likewise.
    pub group: NonZeroUsize,
    /// How many messages gather in memory before they are written into the index; there are at most
    /// about twice as many.
    pub tail: NonZeroUsize,
    /// About how many entries of the index are written at once. Saves wait for that.
    pub step: NonZeroUsize,
    /// Of how many queues the newest msgid is kept in memory, at about 50 bytes each.
    pub queues: usize,
    /// New msgids are greater than this, and than those that exist.
    pub after: MsgId,
    /// How long messages are kept; `None`: forever.
    pub retain: Option<Duration>,
    /// How many queues can be read at the same time.
    pub readers: NonZeroU32,
    /// The most pages of 4 KiB that the database may have. For tests of a full disk.
    pub max_pages: Option<u32>,
    /// Free bytes of the disk below which no message is stored; 0: no bound.
    pub min_free: u64,
    /// The most pushes that wait in the outbox.
    pub pushes: PushBounds,
    /// Is told of every group.
    pub observer: Option<Arc<dyn Observer>>,
    /// Makes steps fail. For tests.
    pub fault: Option<Arc<dyn Fault>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            waiting: const { NonZeroUsize::new(32 * 1024).expect("not 0") },
            group: const { NonZeroUsize::new(8 * 1024).expect("not 0") },
            tail: const { NonZeroUsize::new(16 * 1024).expect("not 0") },
            step: const { NonZeroUsize::new(2 * 1024).expect("not 0") },
            queues: 256 * 1024,
            after: MsgId(0),
            retain: None,
            readers: const { NonZeroU32::new(2).expect("not 0") },
            max_pages: None,
            min_free: 0,
            pushes: PushBounds::default(),
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
            .field("tail", &self.tail)
            .field("step", &self.step)
            .field("queues", &self.queues)
            .field("after", &self.after)
            .field("retain", &self.retain)
            .field("readers", &self.readers)
            .field("max_pages", &self.max_pages)
            .field("min_free", &self.min_free)
            .field("pushes", &self.pushes)
            .finish_non_exhaustive()
    }
}

/// Injects disk failures in tests.
pub trait Fault: Send + Sync {
    /// Called before each step. With an error the step fails and is not done.
    ///
    /// # Errors
    ///
    /// The error that the step fails with.
    fn permit(&self, step: Step) -> rusqlite::Result<()>;

    /// How many bytes of the disk are free, instead of what the system says.
    fn free(&self) -> Option<u64> {
        None
    }
}

/// Steps that write to the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Put a group into the write-ahead log, and sync it.
    Commit,
    /// Bring the index up to date by a step, and remove some old messages, without a sync.
    Index,
    /// Copy the log into the database, and sync that.
    Checkpoint,
}

/// Asks whether a step may be done.
pub(super) fn permit(fault: Option<&dyn Fault>, step: Step) -> rusqlite::Result<()> {
    fault.map_or(Ok(()), |fault| fault.permit(step))
}
