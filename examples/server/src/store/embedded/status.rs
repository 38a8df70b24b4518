//! What the store knows of itself, shared by its thread, its readers and its handles.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::store::embedded::disk::{self, DATABASE};
use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::options::Options;
use crate::store::health::Problem;
use crate::store::observer::WaitingPushes;

#[derive(Debug)]
pub(super) struct Status {
    dir: PathBuf,
    lock: File,
    options: Options,
    /// Entries have come into the push outbox.
    pub(super) pushes: Notify,
    /// The last group failed, for a reason that concerns all messages.
    failing: AtomicBool,
    /// The last read failed.
    unreadable: AtomicBool,
    /// Some write or read has found the database corrupt. Only a new start forgets it.
    corrupt: AtomicBool,
    no_space: AtomicBool,
    /// The folder is not where it was.
    gone: AtomicBool,
    waiting: AtomicUsize,
    /// Since when the thread has been at work on a group.
    busy_since: Mutex<Option<Instant>>,
}

impl Status {
    pub(super) fn new(dir: PathBuf, lock: File, options: Options) -> Self {
        Self {
            dir,
            lock,
            options,
            pushes: Notify::new(),
            failing: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            corrupt: AtomicBool::new(false),
            no_space: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            busy_since: Mutex::default(),
        }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let problems = [
            (self.is_failing() || self.is_stuck()).then_some(Problem::NotWriting),
            is(&self.unreadable).then_some(Problem::Unreadable),
            is(&self.corrupt).then_some(Problem::Corrupt { file: DATABASE }),
            self.is_gone().then_some(Problem::Gone),
            self.has_no_space().then_some(Problem::NoSpace { min_free: self.options.min_free }),
            (self.waiting() >= self.options.pushes.all).then_some(Problem::PushesFull),
        ];
        problems.into_iter().flatten().collect()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable.load(Ordering::Relaxed)
    }

    pub(super) fn has_no_space(&self) -> bool {
        self.no_space.load(Ordering::Relaxed)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// How many pushes wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn set_waiting(&self, pushes: usize) {
        self.waiting.store(pushes, Ordering::Relaxed);
    }

    /// The thread begins or ends a group.
    pub(super) fn set_busy(&self, busy: bool) {
        *self.busy_since() = busy.then(Instant::now);
    }

    /// A disk that hangs returns no error.
    fn is_stuck(&self) -> bool {
        self.busy_since().is_some_and(|since| since.elapsed() > STUCK)
    }

    /// Logs the first of consecutive failures.
    pub(super) fn write_failed(&self, error: &rusqlite::Error, poisoned: bool) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, poisoned, "the store cannot write; nothing is acknowledged");
        }
    }

    pub(super) fn write_succeeded(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the store writes again");
        }
    }

    pub(super) fn read_failed(&self, error: &rusqlite::Error) {
        if is_corrupt(error) {
            self.found_corrupt(error);
        } else if !self.unreadable.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the store cannot be read");
        }
    }

    pub(super) fn read_succeeded(&self) {
        // A swap for every read would make the readers' caches wait for each other.
        if self.is_unreadable() && self.unreadable.swap(false, Ordering::Relaxed) {
            tracing::info!("the store can be read again");
        }
    }

    pub(super) fn found_corrupt(&self, error: &rusqlite::Error) {
        if !self.corrupt.swap(true, Ordering::Relaxed) {
            let file = self.dir.join(DATABASE);
            let file = file.display();
            tracing::error!(%error, %file, "corrupt: what needs the damaged part fails");
        }
    }

    /// Looks whether what is stored would be found again, and whether there is room for more.
    pub(super) fn look_around(&self) {
        self.look_for_folder();
        self.look_for_space();
    }

    fn look_for_folder(&self) {
        let is_gone = !disk::is_in_place(&self.dir, &self.lock);
        let dir = self.dir.display();
        match (self.gone.swap(is_gone, Ordering::Relaxed), is_gone) {
            (false, true) => {
                tracing::error!(%dir, "the data folder is gone: no new message is accepted");
            }
            (true, false) => tracing::info!(%dir, "the data folder is back"),
            _ => {}
        }
    }

    /// Looks how many bytes of the disk are free. There must be an eighth more than the bound before
    /// messages are accepted again, so that this does not change every second.
    fn look_for_space(&self) {
        let (min_free, fault) = (self.options.min_free, self.options.fault.as_deref());
        if min_free == 0 {
            return;
        }
        let Some(free) = disk::free(&self.dir, fault) else { return };
        let had_no_space = self.has_no_space();
        let margin = if had_no_space { min_free / 8 } else { 0 };
        let has_no_space = free < min_free.saturating_add(margin);
        self.no_space.store(has_no_space, Ordering::Relaxed);
        match (had_no_space, has_no_space) {
            (false, true) => tracing::error!(
                free,
                min_free,
                "the disk is almost full: no new message is accepted"
            ),
            (true, false) => tracing::info!(free, "there is room on the disk again"),
            _ => {}
        }
    }

    /// Reports what waits in the push outbox.
    pub(super) fn report_waiting(&self, oldest: Duration) {
        if let Some(observer) = &self.options.observer {
            let count = u64::try_from(self.waiting()).unwrap_or(u64::MAX);
            observer.waiting(WaitingPushes { count, oldest });
        }
    }

    fn busy_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.busy_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No group takes so long on a disk that works.
const STUCK: Duration = Duration::from_secs(5);
