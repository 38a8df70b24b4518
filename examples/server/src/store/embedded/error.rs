//! Errors of the embedded store.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::store::observer::SaveFailure;

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be created or opened.
    #[error("data folder {path}: {source}", path = path.display())]
    Io {
        /// What could not be created or opened.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process, or another store of this one, uses the folder.
    #[error("data folder {path} is in use by another server", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder was written by another version of this server.
    #[error(
        "data folder {path} has data of version {found}, this server needs version {needed}",
        path = path.display()
    )]
    Version {
        /// The folder.
        path: PathBuf,
        /// The version of what is there.
        found: i64,
        /// The version that this server reads and writes.
        needed: i64,
    },
    /// The file is a database of another program, or no database.
    #[error("{path} is not a database of this server", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file system lacks the shared memory that a write-ahead log needs, as some network file
    /// systems do.
    #[error(
        "data folder {path} is on a file system that cannot hold a write-ahead log",
        path = path.display()
    )]
    NoLog {
        /// The folder.
        path: PathBuf,
    },
    /// A part of the database that every start needs cannot be read.
    #[error(
        "{path} is corrupt ({source}): repair it as the README says, or restore a backup and start \
         with --msgids-after",
        path = path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What could not be read.
        source: rusqlite::Error,
    },
    /// The database cannot be read or written.
    #[error("database in data folder: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Why the store did not do what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The database failed. The batch is not stored, and none of its effects may happen.
    #[error("the store failed: {0}")]
    Failed(Arc<rusqlite::Error>),
    /// An earlier write or sync failed, and no checkpoint has succeeded since.
    #[error("the store does not write until it has recovered from an earlier failure: {0}")]
    Poisoned(Arc<rusqlite::Error>),
    /// The data folder has been removed or moved. The batch is not stored.
    #[error("the data folder is gone")]
    Gone,
    /// The disk is full up to the bound of the options. The batch is not stored.
    #[error("the disk has too little room left for messages")]
    NoSpace,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl StoreError {
    pub(super) fn save_failure(&self) -> SaveFailure {
        match self {
            Self::NoSpace => SaveFailure::NoSpace,
            Self::Failed(error) if is_corrupt(error) => SaveFailure::Corrupt,
            Self::Failed(_) | Self::Poisoned(_) | Self::Gone | Self::Closed => SaveFailure::Failed,
        }
    }
}

/// Whether a part of the database cannot be read back as it was written.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    const READS: [i32; 3] =
        [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];
    match error.sqlite_error() {
        Some(error) => {
            matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                || READS.contains(&error.extended_code)
        }
        None => is_conversion(error),
    }
}

/// Whether a column has a value of another type, or one that is out of range.
pub(super) const fn is_conversion(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
    )
}

/// Whether an error may be that of a single row, so that other rows could still be written.
pub(super) fn is_local(error: &rusqlite::Error) -> bool {
    is_corrupt(error)
        || matches!(
            error.sqlite_error_code(),
            None | Some(
                ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch
            )
        )
}
