//! The tail and the index on disk as one.

use std::sync::Arc;

use kefu_proto::{Account, MsgId};
use rusqlite::{Connection, Result};

use crate::store::embedded::index::{Filters, Reader, Term};
use crate::store::embedded::parties::{message_of, senders};
use crate::store::embedded::retention::last_removed;
use crate::store::embedded::tail::Tail;

/// Where copies are looked for. Clones look into the same tail.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) tail: Arc<Tail>,
    pub(super) filters: Filters,
}

impl Lookup {
    /// Finds the first copies of a queue behind `msgid`, at most `limit`, and reads them in the
    /// same snapshot.
    pub(super) fn after<T>(
        &self,
        db: &Connection,
        queue: Account,
        msgid: MsgId,
        limit: usize,
        read: impl FnOnce(&[MsgId]) -> Result<T>,
    ) -> Result<T> {
        let term = Term::Queue(queue);
        // The tail first: what leaves it is in the index before. What it had is then taken from
        // where the snapshot's index ends.
        let tail = self.tail.after(term, msgid, limit);
        let snapshot = db.unchecked_transaction()?;
        let index = Reader::new(&snapshot, &self.filters)?;
        // The index may still have what has been removed.
        let from = msgid.max(senders(last_removed(&snapshot)?));
        let mut found = index.after(term, from, limit)?;
        let behind = |&msgid: &MsgId| msgid > from && message_of(msgid) > index.indexed();
        found.extend(tail.into_iter().filter(behind));
        found.truncate(limit);
        read(&found)
    }

    /// The newest copy of a queue.
    pub(super) fn newest(&self, db: &Connection, queue: Account) -> Result<Option<MsgId>> {
        let (term, all) = (Term::Queue(queue), MsgId(i64::MAX));
        let in_tail = self.tail.before(term, all);
        if in_tail.is_some() {
            return Ok(in_tail);
        }
        let snapshot = db.unchecked_transaction()?;
        Reader::new(&snapshot, &self.filters)?.before(term, all)
    }
}
