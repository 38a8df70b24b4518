//! fjall: log-structured merge trees, every batch committed with `PersistMode::SyncAll`.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::workload::{Account, Engine, Marks, Message, Reader, Repeats, queue_key, uuid_key};

pub(crate) struct Fjall {
    db: Database,
    message: Keyspace,
    queue: Keyspace,
    repeat: Keyspace,
    repeats: Repeats,
    marks: Marks,
}

impl Fjall {
    pub(crate) fn open(dir: &Path, repeats: Repeats) -> Self {
        let db = Database::builder(dir.join("kefu.fjall")).cache_size(128 << 20).open().unwrap();
        let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        let [message, queue, repeat] = ["message", "queue", "repeat"].map(keyspace);
        Self { db, message, queue, repeat, repeats, marks: Marks::default() }
    }
}

impl Engine for Fjall {
    type Reader = FjallReader;

    fn commit(&mut self, group: &[Message], first: i64) {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        for (n, row) in (first..).zip(group) {
            let new = match self.repeats {
                Repeats::Marks => self.marks.insert(row, n),
                Repeats::Index => {
                    let key = uuid_key(row);
                    let new = self.repeat.get(key).unwrap().is_none();
                    batch.insert(&self.repeat, key, n.to_be_bytes());
                    new
                }
            };
            assert!(new, "the workload has no repeats");
            let mut value = vec![24, 0, 0, 0, 0, 0, 0, 0, 11];
            value.extend(row.body());
            batch.insert(&self.message, n.to_be_bytes(), value);
            batch.insert(&self.queue, queue_key(row.receiver, 2 * n - 1), []);
            let mark = row.mark().to_be_bytes();
            batch.insert(&self.queue, queue_key(row.sender, 2 * n), mark);
        }
        batch.commit().unwrap();
    }

    fn reader(&self) -> FjallReader {
        FjallReader { message: self.message.clone(), queue: self.queue.clone() }
    }
}

pub(crate) struct FjallReader {
    message: Keyspace,
    queue: Keyspace,
}

impl Reader for FjallReader {
    fn page(&mut self, queue: Account, after: i64, limit: usize, rows: &mut Vec<(i64, usize)>) {
        let range = queue_key(queue, after + 1)..=queue_key(queue, i64::MAX);
        for entry in self.queue.range(range).take(limit) {
            let key = entry.key().unwrap();
            let msgid = i64::from_be_bytes(*key.last_chunk().unwrap());
            let message = self.message.get(((msgid + 1) / 2).to_be_bytes()).unwrap().unwrap();
            rows.push((msgid, message[9..].to_vec().len()));
        }
    }
}
