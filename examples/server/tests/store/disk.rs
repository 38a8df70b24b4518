//! A disk that fails when it is told to, and what an observer has seen.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kefu_server::store::embedded::{Fault, Options, Step};
use kefu_server::store::{Group, Observer, Pushes, WaitingPushes};
use rusqlite::ffi;

/// Fails the chosen steps, as a failed fsync would.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) no_commit: AtomicBool,
    pub(crate) no_index: AtomicBool,
    pub(crate) no_checkpoint: AtomicBool,
    /// The error of the next commit that begins; 0: none.
    pub(crate) next_commit: AtomicI32,
    /// How many commits have begun.
    pub(crate) commits: AtomicUsize,
    /// How many steps of the index have begun.
    pub(crate) steps: AtomicUsize,
    /// How many bytes are free; 0: as many as are.
    pub(crate) free: AtomicU64,
    /// Blocks the store while it is locked.
    pub(crate) busy: Mutex<()>,
}

impl Fault for Disk {
    fn permit(&self, step: Step) -> rusqlite::Result<()> {
        let (fails, mut code) = match step {
            Step::Commit => (&self.no_commit, self.next_commit.swap(0, Ordering::SeqCst)),
            Step::Index => (&self.no_index, 0),
            Step::Checkpoint => (&self.no_checkpoint, 0),
        };
        self.commits.fetch_add(usize::from(step == Step::Commit), Ordering::SeqCst);
        self.steps.fetch_add(usize::from(step == Step::Index), Ordering::SeqCst);
        drop(self.busy.lock().unwrap());
        if fails.load(Ordering::Relaxed) {
            code = ffi::SQLITE_IOERR_FSYNC;
        }
        match code {
            0 => Ok(()),
            code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
        }
    }

    fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|&free| free > 0)
    }
}

pub(crate) fn on(disk: &Arc<Disk>) -> Options {
    let mut options = Options::default();
    let disk: Arc<dyn Fault> = disk.clone();
    options.fault = Some(disk);
    options
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) groups: Mutex<Vec<Group>>,
    pub(crate) pushes: Mutex<Pushes>,
    pub(crate) waiting: Mutex<WaitingPushes>,
}

impl Seen {
    pub(crate) fn by(options: &mut Options) -> Arc<Self> {
        let seen = Arc::new(Self::default());
        let observer: Arc<dyn Observer> = seen.clone();
        options.observer = Some(observer);
        seen
    }
}

impl Observer for Seen {
    fn group(&self, group: &Group) {
        self.groups.lock().unwrap().push(*group);
    }

    fn pushes(&self, pushes: Pushes) {
        let mut seen = self.pushes.lock().unwrap();
        seen.queued += pushes.queued;
        seen.beyond_account += pushes.beyond_account;
        seen.beyond_all += pushes.beyond_all;
    }

    fn waiting(&self, waiting: WaitingPushes) {
        *self.waiting.lock().unwrap() = waiting;
    }
}
