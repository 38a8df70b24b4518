//! A checker for hosts: it is told what happens, and answers with the rule that is broken.
//!
//! Does nobody but the two parties ever get anything? Is every notify behind its saves? Does the
//! sender's own connection stay out, does a closed connection get nothing? A [`Checker`] knows the
//! protocol from [the document](crate::spec) and judges a host by it. It uses neither the handler
//! nor the connection of this crate: they are another reading of the same rules. Like the rest it is
//! pure: [`Event`]s go in, a [`Violation`] or nothing comes out.
//!
//! There are two views, and they mix freely, on one connection too.
//!
//! - **From outside**, with bytes alone: what a client sends and what it receives. A proxy or a test
//!   client can tell that of any server, in whatever language it is written.
//! - **From inside** a host tells what only it knows: which copy it has stored under which id, which
//!   save has failed, what it gives to which connection. Every such event makes the judgement more
//!   exact; none is needed.
//!
//! ```
//! use kefu_proto::checker::{Checker, ConnectionId, Event, ServerId, Terms};
//! use kefu_proto::{Account, AppId, Config, UserId};
//!
//! let mut checker = Checker::new(Terms::new(Config::new(AppId(1453))?));
//! checker.add_token(b"tok-7-1", Account::new(AppId(7), UserId(1)));
//!
//! let phone = ConnectionId(1);
//! checker.observe(Event::Opened { connection: phone, server: ServerId(0) })?;
//! // AUTH_TOKEN from an iPhone, and AUTH_STATUS 0.
//! let login = b"\0\0\0\x0f\0\0\0\x01\x0f\x01\0\0\x01\x07tok-7-1\x05phone";
//! checker.observe(Event::Sent { connection: phone, bytes: login })?;
//! let answer = b"\0\0\0\x04\0\0\0\x01\x03\x01\0\0\0\0\0\0";
//! checker.observe(Event::Received { connection: phone, bytes: answer })?;
//!
//! // Nobody has written to 7/1, and yet it is notified.
//! let notify = b"\0\0\0\x08\0\0\0\x02\x1d\x01\0\0\0\0\0\0\0\0\0\x20";
//! let violation =
//!     checker.observe(Event::Received { connection: phone, bytes: notify }).unwrap_err();
//! assert_eq!(violation.rule(), "H7.4");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What is judged when
//!
//! Each event when it comes. What may only be demanded later is judged by [`Checker::finish`], for a
//! host that has come to rest, or by [`Checker::expire`], for one that never does: a notify, a live
//! copy or an unpersistent message that somebody who is connected has not got, a request without an
//! answer.
//!
//! | what | from outside | from inside, in addition |
//! |---|---|---|
//! | frames: number, version, flags, length, form in each dialect | all | – |
//! | logins, PONG, ACK: one for each that was asked for, in order | all | that a save has not failed (H8.1) |
//! | METADATA and its message | that they come together, and fit what was told before | that the ids are those of the queue |
//! | syncs | complete for what was acknowledged, nothing twice, each sender's messages in order | row by row, and where they begin and end |
//! | notifies | somebody who is owed one has one in the end; not more than there were messages | that the id is a row for this connection, behind both copies, before the ACK |
//! | who gets what | the two parties alone | pushes and copies as well |
//! | stored copies | what a sync shows | everything: to whom, under which id, device and time, how often, in which order |
//!
//! From outside nothing tells when a message was handled, only that it was by the time of its
//! answer. So between connections a host is given the benefit of the doubt.
//!
//! # How much it remembers
//!
//! What is still open: connections, requests without an answer, messages without an ACK, and what is
//! owed. Of what is over it remembers so many messages and rows of queues as
//! [`Terms::memory`] says, and forgets the oldest; what it has forgotten it lets pass. So it can
//! watch a run of any length. A client can make it remember at most 4,096 sync keys of its account,
//! the last 1,024 ids of a queue, and a frame that is not whole yet; whoever feeds it decides how
//! many connections are open, and how many messages are in flight on each.
//!
//! # What it cannot judge
//!
//! A host that changes the content of messages (H11.3) says something that nobody has said, and is
//! told so. What happens without an event, such as a row that the store loses, is only noticed when
//! a client reads on.

// Lowest first: each knows only those above it.
mod event;
mod hash;
mod uuid;
mod wire;

mod terms;
mod violation;

mod clock;
mod form;

mod effect;
mod ledger;

mod known;
mod reading;

mod line;
mod queue;

mod state;

mod acked;
mod addressed;
mod began;
mod copied;
mod delivered;
mod ended;
mod heard;
mod login;
mod notified;
mod owed;
mod recognized;
mod rows;
mod said;
mod stored;
mod unseen;
mod wrote;

#[allow(clippy::module_inception, reason = "the module has the field's term, and so has its type")]
mod checker;

pub use checker::Checker;
pub use event::{ConnectionId, Event, ServerId};
pub use terms::{Repeats, Terms};
pub use uuid::uuid;
pub use violation::{Seen, Violation, Witness};
