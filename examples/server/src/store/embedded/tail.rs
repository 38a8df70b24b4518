//! The tail: messages that are committed and not in the index on disk yet.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kefu_proto::MsgId;

use crate::store::embedded::index::{Posting, Term};
use crate::store::embedded::postings::Postings;

/// Shared by the thread that writes and by readers.
///
/// Its older part is frozen while it is being written into the index; what is committed meanwhile
/// gathers behind it.
#[derive(Debug, Default)]
pub(super) struct Tail(RwLock<Parts>);

#[derive(Debug, Default)]
struct Parts {
    frozen: Postings,
    gathering: Postings,
}

impl Tail {
    /// Appends a group, which is committed. It is left empty.
    pub(super) fn append(&self, group: &mut Postings) {
        self.write().gathering.append(group);
    }

    /// How many messages there are.
    pub(super) fn messages(&self) -> usize {
        let parts = self.read();
        parts.frozen.messages().saturating_add(parts.gathering.messages())
    }

    /// How many messages are not frozen.
    pub(super) fn gathering(&self) -> usize {
        self.read().gathering.messages()
    }

    /// Freezes what has gathered. Returns it in the order of the index, and its last message.
    pub(super) fn freeze(&self) -> (Vec<Posting>, i64) {
        {
            let Parts { frozen, gathering } = &mut *self.write();
            frozen.append(gathering);
        }
        // Sorting takes a while, in which readers may look.
        let parts = self.read();
        (parts.frozen.sorted(), parts.frozen.last())
    }

    /// Forgets the frozen part if it is in the index on disk, which ends with message `indexed`.
    pub(super) fn forget(&self, indexed: i64) {
        let forgotten = {
            let mut parts = self.write();
            let is_indexed = parts.frozen.last() <= indexed;
            is_indexed.then(|| std::mem::take(&mut parts.frozen))
        };
        // Freeing it takes a while, in which readers may look.
        drop(forgotten);
    }

    /// At most `limit` msgids of a term that are greater than `msgid`, ascending.
    pub(super) fn after(&self, term: Term, msgid: MsgId, limit: usize) -> Vec<MsgId> {
        let parts = self.read();
        let [frozen, gathering] =
            [&parts.frozen, &parts.gathering].map(|part| part.after(term, msgid));
        frozen.iter().chain(gathering).take(limit).copied().collect()
    }

    /// The greatest msgid of a term below `msgid`.
    pub(super) fn before(&self, term: Term, msgid: MsgId) -> Option<MsgId> {
        let parts = self.read();
        parts.gathering.before(term, msgid).or_else(|| parts.frozen.before(term, msgid))
    }

    fn read(&self) -> RwLockReadGuard<'_, Parts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Parts> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
