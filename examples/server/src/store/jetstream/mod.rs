//! The store on NATS `JetStream`, for any number of servers that form one service.
//!
//! Queues are kept in streams, sharded by account. Each account has a subject, and the sequence of
//! a message in its stream is its msgid. A stream acknowledges a copy with as many replicas as it
//! was created with. `JetStream` leaves it to the operating system when a copy reaches the disk, so
//! after a loss of power only the copies of other replicas are sure to be there.
//!
//! # Order and repeats
//!
//! A publish that got no answer may have been stored or not, and later ones may have overtaken it.
//! So a connection has one message in flight and sends it again until it is stored, under the same
//! `Nats-Msg-Id`: a stream that has it already answers with the sequence of the first copy. The
//! same holds for a client's repeat, which is recognised by its sender, receiver and uuid (S10).
//!
//! Both work within the duplicate window of the streams. A message is therefore tried for as long
//! as that window, less the time of an answer; after that it gets no ACK (H8).

mod ack;
mod address;
mod attempts;
mod connection;
mod consumer;
mod dialects;
mod error;
mod gaps;
mod handle;
mod health;
mod keys;
mod outgoing;
mod publication;
mod publish;
mod publisher;
mod pushes;
mod queue;
mod save;
mod streams;
mod subject;
mod timing;
mod unanswered;
mod watch;

pub use address::{is_address, without_secrets};
pub use connection::ConnectError;
pub use error::JetStreamError;
pub use gaps::Gaps;
pub use handle::JetStream;
pub use pushes::Receipt;
pub use queue::QueueReader;
pub use streams::{Settings, SettingsError};
pub use timing::RETRY_PAUSE;
