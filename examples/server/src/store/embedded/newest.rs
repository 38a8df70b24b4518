//! The newest msgid of each queue, which is what the next copy's answer calls `previous`.
//!
//! Queues that were written to lately are kept in memory. Any other costs a look-up in the index.

use std::collections::HashMap;
use std::mem;

use kefu_proto::{Account, MsgId};

/// The newest msgids of recently written queues, those of the open transaction included.
#[derive(Debug)]
pub(super) struct Newest {
    recent: HashMap<Account, MsgId>,
    /// What was recent before `recent` was last full.
    older: HashMap<Account, MsgId>,
    /// The most queues in each of the two.
    limit: usize,
}

impl Newest {
    /// Remembers about `limit` queues, and at least the last one.
    pub(super) fn new(limit: usize) -> Self {
        Self { recent: HashMap::new(), older: HashMap::new(), limit: limit / 2 }
    }

    /// Records the newest msgid of a queue, and returns the one before if it is remembered.
    pub(super) fn replace(&mut self, queue: Account, newest: MsgId) -> Option<MsgId> {
        let before = self.recent.insert(queue, newest).or_else(|| self.older.remove(&queue));
        if self.recent.len() > self.limit {
            mem::swap(&mut self.recent, &mut self.older);
            self.recent.clear();
        }
        before
    }

    /// Forgets everything: after a rollback the database knows better.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
        self.older.clear();
    }
}

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    fn queue(uid: i64) -> Account {
        Account::new(AppId(7), UserId(uid))
    }

    #[test]
    fn a_queue_is_forgotten_only_after_as_many_others() {
        let mut newest = Newest::new(20);
        assert_eq!(newest.replace(queue(0), MsgId(1)), None);
        for uid in 1..=10 {
            assert_eq!(newest.replace(queue(uid), MsgId(2)), None);
        }
        assert_eq!(newest.replace(queue(0), MsgId(3)), Some(MsgId(1)));
        for uid in 11..=40 {
            assert_eq!(newest.replace(queue(uid), MsgId(4)), None);
            assert!(newest.recent.len() + newest.older.len() <= 21, "bounded");
        }
        assert_eq!(newest.replace(queue(0), MsgId(5)), None);
        assert_eq!(newest.replace(queue(0), MsgId(6)), Some(MsgId(5)));
        newest.clear();
        assert_eq!(newest.replace(queue(0), MsgId(7)), None);
    }

    #[test]
    fn a_limit_of_nothing_is_no_harm() {
        let mut newest = Newest::new(0);
        for msgid in 1..=3 {
            assert_eq!(newest.replace(queue(1), MsgId(msgid)).map_or(0, |id| id.0), msgid - 1);
            assert!(newest.recent.len() + newest.older.len() <= 1);
        }
    }
}
