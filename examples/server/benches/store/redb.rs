//! redb: copy-on-write B-trees, `Durability::Immediate`.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use crate::workload::{Account, Engine, Marks, Message, Reader, Repeats, queue_key, uuid_key};

const MESSAGE: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("message");
const QUEUE: TableDefinition<'_, [u8; 24], i64> = TableDefinition::new("queue");
const REPEAT: TableDefinition<'_, [u8; 32], i64> = TableDefinition::new("repeat");

pub(crate) struct Redb {
    db: Arc<Database>,
    repeats: Repeats,
    marks: Marks,
}

impl Redb {
    pub(crate) fn open(dir: &Path, repeats: Repeats) -> Self {
        let mut builder = Database::builder();
        builder.set_cache_size(128 << 20);
        let db = builder.create(dir.join("kefu.redb")).unwrap();
        let begin = db.begin_write().unwrap();
        begin.open_table(MESSAGE).unwrap();
        begin.open_table(QUEUE).unwrap();
        begin.open_table(REPEAT).unwrap();
        begin.commit().unwrap();
        Self { db: Arc::new(db), repeats, marks: Marks::default() }
    }
}

impl Engine for Redb {
    type Reader = RedbReader;

    fn commit(&mut self, group: &[Message], first: i64) {
        let mut transaction = self.db.begin_write().unwrap();
        transaction.set_durability(Durability::Immediate).unwrap();
        {
            let mut message = transaction.open_table(MESSAGE).unwrap();
            let mut queue = transaction.open_table(QUEUE).unwrap();
            let mut repeat = transaction.open_table(REPEAT).unwrap();
            for (n, row) in (first..).zip(group) {
                let new = match self.repeats {
                    Repeats::Marks => self.marks.insert(row, n),
                    Repeats::Index => repeat.insert(uuid_key(row), n).unwrap().is_none(),
                };
                assert!(new, "the workload has no repeats");
                let mut value = vec![24, 0, 0, 0, 0, 0, 0, 0, 11];
                value.extend(row.body());
                message.insert(n, &value[..]).unwrap();
                queue.insert(queue_key(row.receiver, 2 * n - 1), 0).unwrap();
                queue.insert(queue_key(row.sender, 2 * n), row.mark()).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn reader(&self) -> RedbReader {
        RedbReader(Arc::clone(&self.db))
    }
}

pub(crate) struct RedbReader(Arc<Database>);

impl Reader for RedbReader {
    fn page(&mut self, queue: Account, after: i64, limit: usize, rows: &mut Vec<(i64, usize)>) {
        let transaction = self.0.begin_read().unwrap();
        let (keys, message) =
            (transaction.open_table(QUEUE).unwrap(), transaction.open_table(MESSAGE).unwrap());
        let range = queue_key(queue, after + 1)..=queue_key(queue, i64::MAX);
        for entry in keys.range(range).unwrap().take(limit) {
            let key = entry.unwrap().0.value();
            let msgid = i64::from_be_bytes(*key.last_chunk().unwrap());
            let body = message.get((msgid + 1) / 2).unwrap().unwrap().value()[9..].to_vec();
            rows.push((msgid, body.len()));
        }
    }
}
