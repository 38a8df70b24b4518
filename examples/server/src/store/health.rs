//! What keeps a store from doing its work.

use thiserror::Error;

/// A problem of a store, in one line for an operator.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Problem {
    #[error("the store has stopped; restart the server")]
    Stopped,
    #[error("the store does not write")]
    NotWriting,
    #[error("the store cannot be read")]
    Unreadable,
    #[error(
        "{file} in the data folder is corrupt: what needs the damaged part fails; stop the server, \
         then repair the file as the README says, or restore a backup and start with \
         --msgids-after"
    )]
    Corrupt { file: &'static str },
    #[error(
        "the data folder has been removed or moved, and no new message is accepted: move it back, \
         or stop the server and restore a backup"
    )]
    Gone,
    #[error("the disk has fewer free bytes than --min-free {min_free}: no new message is accepted")]
    NoSpace { min_free: u64 },
    #[error("the push outbox is full: further pushes are left out")]
    PushesFull,
    #[error("NATS cannot be reached")]
    Unreachable,
    #[error("NATS does not answer")]
    NoAnswer,
    #[error("stream {stream} is missing; it is made again")]
    StreamMissing { stream: String },
    #[error(
        "stream {stream} is missing and is not made again, since clients have seen its numbers; \
         restore it with `nats stream restore`"
    )]
    StreamLost { stream: String },
    #[error("stream {stream} has other settings than this server was started with")]
    StreamChanged { stream: String },
    #[error("stream {stream} has no leader")]
    NoLeader { stream: String },
    #[error("consumer {consumer} of stream {stream} is missing; it is made again")]
    NoConsumer { stream: String, consumer: &'static str },
}
