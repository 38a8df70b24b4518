//! Marks, by which repeats are found (S10).
//!
//! With an index of uuids on disk every new message would change a random page of an index that
//! only grows. Measured, that costs more than the rest of a save. So the mark, a hash, is stored in
//! the row of the sender's copy, which is written anyway. The marks of active senders are kept in
//! memory: they are read from a sender's queue when it sends for the first time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kefu_proto::{Account, Saves};
use rusqlite::{Connection, Result};

use crate::uuid;

/// A hash of a message's receiver and uuid. It is stored, so the hash must not change.
///
/// Two messages may share a mark: whether they are the same is decided by comparing them.
pub(super) type Mark = i64;

/// The mark of a message, if it has a uuid.
pub(super) fn mark_of(saves: &Saves) -> Option<Mark> {
    let Account { appid, uid } = saves.receiver();
    let uuid = uuid::find(saves.message().content())?;
    let receiver = appid.0.to_be_bytes().into_iter().chain(uid.0.to_be_bytes());
    Some(hash(receiver.chain(uuid.bytes())))
}

/// FNV-1a, 64 bits.
fn hash(bytes: impl Iterator<Item = u8>) -> Mark {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

/// The marks of recently active senders.
#[derive(Debug)]
pub(super) struct Known {
    senders: HashMap<Account, Sender>,
    marks: usize,
    limit: usize,
    group: u64,
    /// The marks of the open transaction.
    fresh: Vec<(Account, Mark)>,
}

#[derive(Debug)]
struct Sender {
    /// For each mark the first message that had it.
    first: HashMap<Mark, i64>,
    last_group: u64,
}

impl Known {
    /// Keeps about `limit` marks, or as many as a single group needs.
    pub(super) fn new(limit: usize) -> Self {
        Self { senders: HashMap::new(), marks: 0, limit, group: 0, fresh: Vec::new() }
    }

    /// The first message of this sender that had the mark. If there is none, `n` is recorded as the
    /// first.
    pub(super) fn first(
        &mut self,
        db: &Connection,
        account: Account,
        mark: Mark,
        n: i64,
    ) -> Result<Option<i64>> {
        let sender = match self.senders.entry(account) {
            Entry::Occupied(sender) => sender.into_mut(),
            Entry::Vacant(place) => {
                let first = load(db, account)?;
                self.marks = self.marks.saturating_add(first.len());
                place.insert(Sender { first, last_group: 0 })
            }
        };
        sender.last_group = self.group;
        match sender.first.entry(mark) {
            Entry::Occupied(first) => Ok(Some(*first.get())),
            Entry::Vacant(place) => {
                place.insert(n);
                self.fresh.push((account, mark));
                Ok(None)
            }
        }
    }

    /// The group is committed.
    pub(super) fn commit(&mut self) {
        self.marks = self.marks.saturating_add(self.fresh.len());
        self.fresh.clear();
        if self.marks > self.limit {
            self.evict();
        }
        self.group = self.group.saturating_add(1);
    }

    /// The group is rolled back: its marks are removed.
    pub(super) fn roll_back(&mut self) {
        for (account, mark) in self.fresh.drain(..) {
            if let Some(sender) = self.senders.get_mut(&account) {
                sender.first.remove(&mark);
            }
        }
    }

    /// Removes the senders that were idle longest, down to three quarters of the limit, so that it
    /// need not be done for every group.
    fn evict(&mut self) {
        let mut idle: Vec<(u64, Account)> = self
            .senders
            .iter()
            .filter(|(_, sender)| sender.last_group < self.group)
            .map(|(account, sender)| (sender.last_group, *account))
            .collect();
        idle.sort_unstable();
        for (_, account) in idle {
            if self.marks <= self.limit / 4 * 3 {
                return;
            }
            if let Some(sender) = self.senders.remove(&account) {
                self.marks = self.marks.saturating_sub(sender.first.len());
            }
        }
    }
}

fn load(db: &Connection, account: Account) -> Result<HashMap<Mark, i64>> {
    let mut select = db.prepare_cached(
        "SELECT mark, msgid / 2 FROM queue
        WHERE appid = ?1 AND uid = ?2 AND mark IS NOT NULL ORDER BY msgid",
    )?;
    let mut first = HashMap::new();
    let mut rows = select.query([account.appid.0, account.uid.0])?;
    while let Some(row) = rows.next()? {
        first.entry(row.get(0)?).or_insert(row.get(1)?);
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_does_not_change() {
        // Test vectors of FNV-1a.
        assert_eq!(hash("".bytes()).cast_unsigned(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("foobar".bytes()).cast_unsigned(), 0x8594_4171_f739_67e8);
    }
}
