//! The ids of a queue that have been seen, where the store is not.

use core::ops::Bound;
use std::collections::BTreeMap;

use super::ledger::MessageId;

/// So many of the newest are remembered.
const NEWEST: usize = 1_024;

/// What is known of the ids of a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    ids: BTreeMap<i64, Id>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Id {
    message: Option<MessageId>,
    previous: Option<i64>,
}

impl Known {
    /// An id has been seen. Another one that it contradicts, if there is one: nothing is between it
    /// and the one before it.
    pub(super) fn add(&mut self, id: i64) -> Result<(), i64> {
        let next = self.ids.range((Bound::Excluded(id), Bound::Unbounded)).next();
        if let Some((next, _)) = next.filter(|(_, it)| it.previous.is_some_and(|it| id > it)) {
            return Err(*next);
        }
        self.ids.entry(id).or_default();
        self.forget();
        Ok(())
    }

    /// A METADATA says what was before an id, and of which message it is. The id itself, if it was
    /// another's.
    pub(super) fn add_pair(
        &mut self,
        (id, previous): (i64, i64),
        message: MessageId,
    ) -> Result<(), i64> {
        self.add(id)?;
        if let Some((between, _)) = self.ids.range(previous + 1..id).next_back() {
            return Err(*between);
        }
        let known = self.ids.entry(id).or_default();
        let before =
            core::mem::replace(known, Id { message: Some(message), previous: Some(previous) });
        if before.message.is_some_and(|it| it != message) {
            return Err(id);
        }
        before.previous.filter(|it| *it != previous).map_or(Ok(()), Err)
    }

    fn forget(&mut self) {
        if self.ids.len() > NEWEST {
            self.ids.pop_first();
        }
    }
}
