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
//! sender and receiver, whatever its command: a repeat is answered as the first was. The receiver is
//! part of the key because a client may reuse a uuid for another receiver, whose message would
//! otherwise be lost. Without a `uuid` nothing is a repeat.
//!
//! # The index is written behind
//!
//! What is durable before the answer is the row of the message alone, which is appended. Rows say in
//! whose queues they are; the index, which finds the messages of a queue and those with a uuid, is
//! derived from them. With an index of rows every group would change a page for each account, and
//! one for each uuid.
//!
//! Messages that are not indexed yet are the tail, in memory. Readers look into the tail first and
//! then into the index as of a later moment, so that together they miss nothing. Between the groups
//! the thread moves the tail into the index in small steps, which wait for no sync: the next group's
//! covers them. A start reads again what is not indexed; in a folder without an index that is
//! everything. If the index cannot be written, the tail grows up to its bound; then messages are
//! refused.
//!
//! # What was the newest before
//!
//! Every answer tells which msgid was the newest in the queue right before the copy, as of its
//! place in the order of commits. The thread that writes remembers that for the queues that were
//! written to lately, and looks it up for any other. A rollback makes it forget all. For a repeat it
//! is looked up before the first copy, so it is what the first save was answered. It is unknown
//! where nothing is found and messages have been removed because of their age.
//!
//! # Failures
//!
//! A group is stored whole or not at all, and everybody who waits for it is told. If a single row
//! may be to blame, because a page is corrupt, the group is divided until only those fail who need
//! that row. After a full disk the next group is simply tried, and while nobody saves,
//! [`Store::watch`] tries. After any other failed write or sync the kernel may have dropped
//! pages that it still shows as written. The store is poisoned then: it stores nothing until a
//! checkpoint has rewritten what the log has committed, and has emptied the log. Each start makes
//! such a checkpoint, too. A group that failed can still appear after a crash, as if only its
//! answer had been lost; an answered group is never lost.

mod catch_up;
mod convert;
mod dialects;
mod disk;
mod error;
mod handle;
mod index;
mod indexer;
mod jobs;
mod keys;
mod lookup;
mod mark;
mod message;
mod newest;
mod options;
mod outbox;
mod parties;
mod postings;
mod read;
mod retention;
mod row;
mod schema;
mod status;
mod tables;
mod tail;
mod task;
mod wal;
mod watch;
mod writer;

pub use error::{OpenError, StoreError};
pub use handle::{Saving, Store};
pub use options::{Fault, Options, Step};
pub use outbox::{OutboxRow, PushId};
