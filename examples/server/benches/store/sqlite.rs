//! `SQLite`: the store's own schema, and what it was chosen from.

use std::path::{Path, PathBuf};

use rusqlite::wal::CheckpointMode;
use rusqlite::{CachedStatement, Connection, MAIN_DB};

use crate::workload::{Account, Engine, Marks, Message, Reader, Repeats, TIMESTAMP};

/// How the two copies of a message are laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// One row with the message, two narrow ones in the queues. The store's.
    Narrow,
    /// The whole message twice, clustered by queue.
    Wide,
    /// The whole message twice, in the order of arrival, with an index of the queues.
    Log,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) layout: Layout,
    pub(crate) repeats: Repeats,
    pub(crate) page_size: u32,
    pub(crate) checkpoint_pages: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layout: Layout::Narrow,
            repeats: Repeats::Marks,
            page_size: 4096,
            checkpoint_pages: 4000,
        }
    }
}

const COLUMNS: &str =
    "device_id, command, customer_appid, customer_id, store_id, seller_id, timestamp, content";

pub(crate) struct Sqlite {
    path: PathBuf,
    db: Connection,
    settings: Settings,
    marks: Marks,
}

impl Sqlite {
    pub(crate) fn open(dir: &Path, settings: Settings) -> Self {
        let path = dir.join("kefu.db");
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "page_size", settings.page_size).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        db.pragma_update(None, "cache_size", -65536).unwrap();
        let tables = match settings.layout {
            Layout::Narrow => format!(
                "CREATE TABLE message (n INTEGER PRIMARY KEY, {COLUMNS});
                CREATE TABLE queue (appid, uid, msgid, mark, PRIMARY KEY (appid, uid, msgid))
                WITHOUT ROWID;"
            ),
            Layout::Wide => format!(
                "CREATE TABLE queue (appid, uid, msgid, mark, {COLUMNS},
                PRIMARY KEY (appid, uid, msgid)) WITHOUT ROWID;"
            ),
            Layout::Log => format!(
                "CREATE TABLE queue (appid, uid, msgid INTEGER PRIMARY KEY, mark, {COLUMNS});
                CREATE INDEX by_queue ON queue (appid, uid, msgid);"
            ),
        };
        db.execute_batch(&tables).unwrap();
        if settings.repeats == Repeats::Index {
            let index = "CREATE TABLE repeat (appid, uid, uuid, n, PRIMARY KEY (appid, uid, uuid))
                WITHOUT ROWID";
            db.execute_batch(index).unwrap();
        }
        Self { path, db, settings, marks: Marks::default() }
    }
}

impl Engine for Sqlite {
    type Reader = SqliteReader;

    fn commit(&mut self, group: &[Message], first: i64) {
        let Self { db, settings, marks, .. } = self;
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut repeat = (settings.repeats == Repeats::Index).then(|| {
            db.prepare_cached("INSERT INTO repeat VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .unwrap()
        });
        let narrow = settings.layout == Layout::Narrow;
        let [mut message, mut copies] = if narrow {
            [
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                "INSERT OR FAIL INTO queue VALUES (?, ?, ?, NULL), (?, ?, ?, ?)",
            ]
        } else {
            ["SELECT 1", "INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"]
        }
        .map(|sql| db.prepare_cached(sql).unwrap());
        for (n, row) in (first..).zip(group) {
            let new = match &mut repeat {
                None => marks.insert(row, n),
                Some(repeat) => {
                    bind(repeat, 1, [row.sender.0, row.sender.1]);
                    repeat.raw_bind_parameter(3, &row.uuid[..]).unwrap();
                    bind(repeat, 4, [n]);
                    repeat.raw_execute().unwrap() == 1
                }
            };
            assert!(new, "the workload has no repeats");
            let mark = (settings.repeats == Repeats::Marks).then(|| row.mark());
            let copy = [(row.receiver, 2 * n - 1, None), (row.sender, 2 * n, mark)];
            if narrow {
                bind(&mut message, 1, [n]);
                bind_columns(&mut message, 2, row);
                message.raw_execute().unwrap();
                for ((queue, msgid, _), at) in copy.into_iter().zip([1, 4]) {
                    bind(&mut copies, at, [queue.0, queue.1, msgid]);
                }
                copies.raw_bind_parameter(7, mark).unwrap();
                copies.raw_execute().unwrap();
            } else {
                for (queue, msgid, mark) in copy {
                    bind(&mut copies, 1, [queue.0, queue.1, msgid]);
                    copies.raw_bind_parameter(4, mark).unwrap();
                    bind_columns(&mut copies, 5, row);
                    copies.raw_execute().unwrap();
                }
            }
        }
        drop((message, copies, repeat));
        db.execute_batch("COMMIT").unwrap();
    }

    fn settle(&mut self) {
        let pages = self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP).unwrap().0;
        if pages >= self.settings.checkpoint_pages {
            self.db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE).unwrap();
        }
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader { db: Connection::open(&self.path).unwrap(), layout: self.settings.layout }
    }
}

fn bind<const N: usize>(statement: &mut CachedStatement<'_>, at: usize, numbers: [i64; N]) {
    for (at, number) in (at..).zip(numbers) {
        statement.raw_bind_parameter(at, number).unwrap();
    }
}

fn bind_columns(statement: &mut CachedStatement<'_>, at: usize, row: &Message) {
    let (appid, customer) = row.sender;
    bind(statement, at, [11, 24, appid, customer, 1, row.receiver.1, TIMESTAMP.into()]);
    statement.raw_bind_parameter(at + 7, &*row.content).unwrap();
}

pub(crate) struct SqliteReader {
    db: Connection,
    layout: Layout,
}

impl Reader for SqliteReader {
    fn page(&mut self, queue: Account, after: i64, limit: usize, rows: &mut Vec<(i64, usize)>) {
        let sql = match self.layout {
            Layout::Narrow => {
                "SELECT q.msgid, m.* FROM queue q CROSS JOIN message m ON m.n = (q.msgid + 1) / 2
                WHERE appid = ?1 AND uid = ?2 AND msgid > ?3 ORDER BY msgid LIMIT ?4"
            }
            Layout::Wide | Layout::Log => {
                "SELECT msgid, mark, device_id, command, customer_appid, customer_id, store_id,
                seller_id, timestamp, content FROM queue
                WHERE appid = ?1 AND uid = ?2 AND msgid > ?3 ORDER BY msgid LIMIT ?4"
            }
        };
        let mut select = self.db.prepare_cached(sql).unwrap();
        let limit = i64::try_from(limit).unwrap();
        let mut page = select.query([queue.0, queue.1, after, limit]).unwrap();
        while let Some(row) = page.next().unwrap() {
            let numbers: i64 = (2..9).map(|column| row.get::<_, i64>(column).unwrap()).sum();
            std::hint::black_box(numbers);
            let content = row.get_ref(9).unwrap().as_bytes().unwrap().to_vec();
            rows.push((row.get(0).unwrap(), 36 + content.len()));
        }
    }
}
