//! The embedded store: queues, kept sync keys, devices and the push outbox in one `SQLite`
//! database.
//!
//! One thread writes. It takes all requests that wait, stores them in one transaction, and answers
//! once they are on disk: a group commit. Reads have connections of their own and never wait for
//! it.
//!
//! # An idempotent store
//!
//! A message whose content is a JSON object with a top-level string `uuid` is stored once for its
//! sender and receiver: a repeat is answered with the msgids of the first copies. The receiver is
//! part of the key because a client may reuse a uuid for another receiver, whose message would
//! otherwise be lost. Without a `uuid` nothing is a repeat.
//!
//! # Failures
//!
//! A group is stored whole or not at all, and everybody who waits for it is told. After a full disk
//! the next group is simply tried. After any other failed write or sync the kernel may have dropped
//! pages that it still shows as written. The store is poisoned then: it stores nothing until a
//! checkpoint has rewritten what the log has committed, and has emptied the log. Each start makes
//! such a checkpoint, too. A group that failed can still appear after a crash, as if only its
//! answer had been lost; an answered group is never lost.

mod dialects;
mod error;
mod handle;
mod jobs;
mod keys;
mod mark;
mod message;
mod options;
mod outbox;
mod read;
mod row;
mod schema;
mod task;
mod writer;

pub use error::{OpenError, StoreError};
pub use handle::{Saving, Store};
pub use options::{Fault, Options, Step};
pub use outbox::{OutboxRow, PushId};
