//! The data folder: one database, one server at a time, one version.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, wal::CheckpointMode};

use crate::store::embedded::dialects;
use crate::store::embedded::disk::{self, DATABASE};
use crate::store::embedded::error::OpenError;
use crate::store::embedded::options::Options;

/// The version of the layout. It changes when older or newer servers could not read the data.
const VERSION: i64 = 2;

/// The version before, which is converted. It had only messages of commands 24 and 25.
const BEFORE: i64 = 1;

/// `KEFU` in the database's header: tells tools, and this server, whose file it is.
const APPLICATION: i64 = 0x4b45_4655;

/// A message is one row; its two copies are two narrow rows in `queue`. Message `n` has the copies
/// `2n - 1`, in the receiver's queue, and `2n`, in the sender's.
///
/// The four ids are those at the begin of the body. A `CUSTOMER_V2` has its sender in
/// `customer_appid` and `customer_id`, and its receiver in `store_id` and `seller_id`.
const TABLES: &str = "
CREATE TABLE message (
    n INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL -- TEXT where it is UTF-8, else BLOB
) STRICT;
CREATE TABLE queue (
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    msgid INTEGER NOT NULL,
    mark INTEGER, -- in the sender's copy: a hash of receiver and uuid, if there is a uuid
    PRIMARY KEY (appid, uid, msgid)
) STRICT, WITHOUT ROWID;
CREATE TABLE kept_key (
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    msgid INTEGER NOT NULL,
    PRIMARY KEY (appid, uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    platform INTEGER NOT NULL,
    name ANY NOT NULL, -- TEXT where it is UTF-8, else BLOB
    UNIQUE (platform, name)
) STRICT;
CREATE TABLE push (
    id INTEGER PRIMARY KEY,
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL
) STRICT;
";

/// For people: every queue with its messages.
const VIEW: &str = "
CREATE VIEW queued AS
    SELECT q.appid, q.uid, q.msgid, datetime(m.timestamp, 'unixepoch') AS at,
        CASE m.command WHEN 24 THEN 'CUSTOMER' WHEN 25 THEN 'CUSTOMER_SUPPORT'
            WHEN 64 THEN 'CUSTOMER_V2' ELSE m.command END AS command,
        m.device_id,
        iif(m.command = 64, NULL, m.customer_appid) AS customer_appid,
        iif(m.command = 64, NULL, m.customer_id) AS customer_id,
        iif(m.command = 64, NULL, m.store_id) AS store_id,
        iif(m.command = 64, NULL, m.seller_id) AS seller_id,
        iif(m.command = 64, m.customer_appid, NULL) AS sender_appid,
        iif(m.command = 64, m.customer_id, NULL) AS sender,
        iif(m.command = 64, m.store_id, NULL) AS receiver_appid,
        iif(m.command = 64, m.seller_id, NULL) AS receiver,
        m.content
    FROM queue q JOIN message m ON m.n = (q.msgid + 1) / 2;
";

/// Opens the database for writing. The lock must be kept for as long as the folder is used.
pub(super) fn open_folder(dir: &Path, options: &Options) -> Result<(Lock, Connection), OpenError> {
    create_folder(dir)?;
    disk::close_to_others(dir)?;
    let lock = lock(dir)?;
    let path = dir.join(DATABASE);
    // SQLite gives its other files the mode of this one.
    disk::create(&path)?;
    let db = Connection::open(&path)?;
    set_up(&db)?;
    check_or_create(&db, dir).map_err(|error| match error {
        OpenError::Database(error) if is_no_database(&error) => OpenError::Foreign { path },
        error => error,
    })?;
    dialects::create(&db)?;
    let wal: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if wal != "wal" {
        return Err(OpenError::NoLog { path: dir.to_owned() });
    }
    // A commit returns once the log is synced: there is no ACK before.
    db.pragma_update(None, "synchronous", "FULL")?;
    // After a crash the log may be readable only from the kernel's cache, because a failed sync is
    // reported just once. So its pages are rewritten before anything is appended to it.
    db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE)?;
    // The writer makes checkpoints itself, after its answers.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -65536)?;
    if let Some(pages) = options.max_pages {
        db.pragma_update(None, "max_page_count", pages)?;
    }
    Ok((lock, db))
}

pub(super) fn open_reader(dir: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(dir.join(DATABASE), flags)?;
    set_up(&db)?;
    Ok(db)
}

fn set_up(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_secs(5))?;
    // All statements there are: by default 16 are kept, and the others prepared again and again.
    db.set_prepared_statement_cache_capacity(64);
    // Otherwise a query is prepared anew, at many times its cost, whenever other values are bound.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// A new folder survives a crash only once its parent has been synced.
fn create_folder(dir: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: dir.to_owned(), source };
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    let dir = dir.canonicalize().map_err(io)?;
    dir.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all()).map_err(io)
}

/// Locks a folder until it is dropped or the process ends, however that happens.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a forked child that has not called exec yet has it open,
    /// too.
    fn drop(&mut self) {
        // An error means that there is no lock any more.
        let _ = self.0.unlock();
    }
}

fn lock(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join("lock");
    let file = disk::create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn check_or_create(db: &Connection, dir: &Path) -> Result<(), OpenError> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = db.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, BEFORE) => Ok(convert(db)?),
        (APPLICATION, found) => {
            Err(OpenError::Version { path: dir.to_owned(), found, needed: VERSION })
        }
        (0, 0) if tables == 0 => Ok(db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
            PRAGMA application_id = {APPLICATION};
            PRAGMA user_version = {VERSION};
            {TABLES}
            {VIEW}
            COMMIT;"
        ))?),
        _ => Err(OpenError::Foreign { path: dir.join(DATABASE) }),
    }
}

/// Nothing moves: the tables of both versions are the same. But a server of the version before could
/// not read what this one will add, so from now on it must refuse the folder.
fn convert(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE;
        DROP VIEW IF EXISTS queued;
        {VIEW}
        PRAGMA user_version = {VERSION};
        COMMIT;"
    ))?;
    tracing::info!("the data folder is of version {VERSION} now; it was of version {BEFORE}");
    Ok(())
}

fn is_no_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
}

/// Writes the first page anew, and changes nothing.
pub(super) fn probe(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "user_version", VERSION)
}
