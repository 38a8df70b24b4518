//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be made or opened.
    #[error("data folder {path}: {source}", path = path.display())]
    Io {
        /// What could not be made or opened.
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
    /// There is a database, but not one of this server's.
    #[error("{path} is not a database of this server", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Some network file systems lack the shared memory that the database's write-ahead log needs.
    #[error(
        "data folder {path} is on a file system that cannot hold a write-ahead log",
        path = path.display()
    )]
    NoLog {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be read or written.
    #[error("database in data folder: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Why the store did not do what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The database said no. A batch of saves is not stored, and nothing may follow from it.
    #[error("the store failed: {0}")]
    Failed(Arc<rusqlite::Error>),
    /// A write or sync has failed before, and what it left behind has not been cleared up yet.
    #[error("the store does not write until an earlier failure is cleared up: {0}")]
    InDoubt(Arc<rusqlite::Error>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}
