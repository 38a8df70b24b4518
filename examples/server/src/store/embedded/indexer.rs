//! Brings the index up to date, in steps.

use std::sync::Arc;

use rusqlite::{Connection, Result};

use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::index::{Index, Reader};
use crate::store::embedded::lookup::Lookup;
use crate::store::embedded::options::{Fault, Options, Step, permit};
use crate::store::embedded::postings::Postings;
use crate::store::embedded::retention::Retention;
use crate::store::embedded::status::Status;
use crate::store::embedded::tail::Tail;

/// Moves committed messages from the tail into the index on disk.
pub(super) struct Indexer {
    index: Index,
    tail: Arc<Tail>,
    retention: Retention,
    /// How many messages gather in the tail until they are frozen.
    freeze_at: usize,
    /// About how many postings a step moves.
    step: usize,
    /// How many postings are to be moved for the messages since the last steps.
    owed: usize,
    fault: Option<Arc<dyn Fault>>,
    status: Arc<Status>,
}

impl Indexer {
    pub(super) fn open(db: &Connection, options: &Options, status: Arc<Status>) -> Result<Self> {
        let transaction = db.unchecked_transaction()?;
        let mut index = Index::open(&transaction)?;
        let retention = Retention::open(&transaction, options.retain)?;
        transaction.commit()?;
        index.load_filters(db)?;
        Ok(Self {
            index,
            retention,
            tail: Arc::default(),
            freeze_at: options.tail.get(),
            step: options.step.get(),
            owed: 0,
            fault: options.fault.clone(),
            status,
        })
    }

    pub(super) fn lookup(&self) -> Lookup {
        Lookup { tail: Arc::clone(&self.tail), filters: self.index.filters() }
    }

    /// Reads the index on disk, for the thread that writes.
    pub(super) fn reader<'db>(&self, db: &'db Connection) -> Reader<'db> {
        self.index.reader(db)
    }

    /// What is committed and not in the index on disk.
    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The last message of the index on disk.
    pub(super) fn indexed(&self) -> i64 {
        self.index.indexed()
    }

    /// The last message that there is or has been, as far as this knows.
    pub(super) fn last(&self) -> i64 {
        self.indexed().max(self.removed())
    }

    /// The messages up to this one have been removed; 0: none ever was.
    pub(super) const fn removed(&self) -> i64 {
        self.retention.removed()
    }

    /// Appends committed messages to the tail.
    pub(super) fn append(&mut self, group: &mut Postings) {
        if group.messages() > 0 {
            self.tail.append(group);
            self.retention.appended();
        }
    }

    /// How many messages are in the tail.
    pub(super) fn waiting(&self) -> usize {
        self.tail.messages()
    }

    /// The tail has as many messages as it may have: no more until steps have moved some.
    pub(super) fn is_full(&self) -> bool {
        self.tail.messages() >= self.freeze_at.saturating_mul(2)
    }

    /// Whether a step has something to do.
    pub(super) fn has_work(&self) -> bool {
        self.index.has_work(self.retention.first()) || self.can_freeze() || self.retention.is_due()
    }

    /// How many steps a group of so many messages is followed by. They move as many postings as
    /// messages cause in the long run, with all merges. Several come at once, so that few groups
    /// wait for any.
    pub(super) fn steps_after(&mut self, messages: usize) -> usize {
        self.owed = self.owed.saturating_add(messages.saturating_mul(POSTINGS_PER_MESSAGE));
        let steps = self.owed / self.step / STEPS_AT_ONCE * STEPS_AT_ONCE;
        self.owed = self.owed.saturating_sub(steps.saturating_mul(self.step));
        steps
    }

    /// Moves some postings, and removes some messages that are too old, in one transaction. After
    /// an error it must be rolled back.
    pub(super) fn step(&mut self, db: &Connection) -> Result<()> {
        if self.can_freeze() {
            self.freeze();
        }
        db.execute_batch("BEGIN IMMEDIATE")?;
        if self.retention.is_due() {
            self.remove(db)?;
        }
        self.index.step(db, self.step, self.retention.first())?;
        permit(self.fault.as_deref(), Step::Index)?;
        db.execute_batch("COMMIT")?;
        self.index.commit();
        self.retention.commit();
        self.tail.forget(self.index.indexed());
        Ok(())
    }

    pub(super) fn roll_back(&mut self) {
        self.index.roll_back();
        self.retention.roll_back();
    }

    /// Freezes the tail, however short it is, unless it is being written already.
    pub(super) fn freeze(&mut self) {
        if !self.index.is_flushing() && self.tail.messages() > 0 {
            let (sorted, last) = self.tail.freeze();
            self.index.flush(sorted, last);
        }
    }

    /// A damaged message must not keep all others out of the index.
    fn remove(&mut self, db: &Connection) -> Result<()> {
        match self.retention.remove(db) {
            Err(error) if is_corrupt(&error) => {
                self.status.found_corrupt(&error);
                self.retention.give_up();
                Ok(())
            }
            removed => removed,
        }
    }

    fn can_freeze(&self) -> bool {
        !self.index.is_flushing() && self.tail.gathering() >= self.freeze_at
    }
}

/// Three that are written, and written again by merges: five times with 500 million messages, and
/// some of that is spent on removing what was merged.
const POSTINGS_PER_MESSAGE: usize = 24;

/// Where each message is a group, one group in 340 waits for steps: not enough for the p99.
const STEPS_AT_ONCE: usize = 4;
