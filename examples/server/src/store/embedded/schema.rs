//! The data folder: one database, one server at a time, one version.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, wal::CheckpointMode};

use crate::store::embedded::convert::{convert, is_convertible};
use crate::store::embedded::dialects;
use crate::store::embedded::disk::{self, DATABASE};
use crate::store::embedded::error::OpenError;
use crate::store::embedded::options::Options;
use crate::store::embedded::tables::{self, APPLICATION, VERSION};
use crate::store::embedded::wal::{Commits, set_commits};

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
    let older = check_or_create(&db, dir).map_err(|error| match error {
        OpenError::Database(error) if is_no_database(&error) => OpenError::Foreign { path },
        error => error,
    })?;
    let wal: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if wal != "wal" {
        return Err(OpenError::NoLog { path: dir.to_owned() });
    }
    // A commit returns once the log is synced: there is no ACK before.
    set_commits(&db, Commits::Synced)?;
    // After a crash the log may be readable only from the kernel's cache, because a failed sync is
    // reported just once. So its pages are rewritten before anything is appended to it.
    db.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE)?;
    // The writer makes checkpoints itself, after its answers.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -65536)?;
    if let Some(pages) = options.max_pages {
        db.pragma_update(None, "max_page_count", pages)?;
    }
    if let Some(version) = older {
        convert(&db, version, options.fault.as_deref())?;
    }
    dialects::create(&db)?;
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

impl Lock {
    /// The lock file.
    pub(super) fn file(&self) -> Result<File, OpenError> {
        self.0.try_clone().map_err(|source| OpenError::Io { path: "lock".into(), source })
    }
}

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

/// Returns the version of an older database, which is to be converted.
fn check_or_create(db: &Connection, dir: &Path) -> Result<Option<i64>, OpenError> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = db.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, VERSION) => Ok(None),
        (APPLICATION, version) if is_convertible(version) => Ok(Some(version)),
        (APPLICATION, found) => {
            Err(OpenError::Version { path: dir.to_owned(), found, needed: VERSION })
        }
        (0, 0) if tables == 0 => Ok(tables::create(db).map(|()| None)?),
        _ => Err(OpenError::Foreign { path: dir.join(DATABASE) }),
    }
}

fn is_no_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
}
