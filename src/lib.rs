//! The customer-service (客服, *kefu*) chat of a GoBelieve-style IM server, as a state machine
//! without I/O.
//!
//! **A decoded message and a session identity yield a list of effects: apply the saves in order,
//! feed their msgids back in, apply the rest in order, ending with the ACK.**
//!
//! Customers live in the apps of tenants, sellers in the one *kefu app*. The crate decides who may
//! say what to whom, what is stored where, who is notified with which id, and when the sender gets
//! an ACK. Sockets, clock, storage, threads and logs are the host's.
//!
//! Both versions of the protocol are one chat: clients of version 1 (2016 to 2021) and of version 2
//! (since October 2021) share the same queues, and each gets every message in the form that it
//! knows ([`Dialect`]).
//!
//! ```
//! use std::collections::HashMap;
//!
//! use bytes::BytesMut;
//! use kefu_proto::*;
//!
//! /// A host in small: queues in memory, and what each account and this connection were sent.
//! #[derive(Default)]
//! struct Host {
//!     queues: HashMap<Account, Vec<Vec<u8>>>,
//!     inboxes: HashMap<Account, Vec<OwnedOutbound>>,
//!     pushes: Vec<Account>,
//!     out: BytesMut,
//! }
//!
//! impl Host {
//!     fn append(&mut self, save: SaveMessage<'_>) -> Result<MsgId, EncodeError> {
//!         let mut body = Vec::new();
//!         save.message().encode_body(&mut body)?;
//!         let queue = self.queues.entry(save.queue()).or_default();
//!         queue.push(body);
//!         Ok(MsgId(queue.len() as i64))
//!     }
//!
//!     fn apply(&mut self, effect: Effect<'_>) -> Result<(), EncodeError> {
//!         match effect {
//!             // Only if `to` is connected nowhere.
//!             Effect::PushMessage { to, .. } => self.pushes.push(to),
//!             Effect::SendAppMessage { to, message } => {
//!                 self.inboxes.entry(to).or_default().push(message.into_owned());
//!             }
//!             Effect::SendMessage { to, message } => {
//!                 // Every connection of `to` but this one.
//!                 self.inboxes.entry(to).or_default().push(message.into_owned());
//!             }
//!             Effect::EnqueueMessage { message } => message.encode(&mut self.out)?,
//!         }
//!         Ok(())
//!     }
//! }
//!
//! // What the host knows: its configuration, who logged in on this connection, and the time.
//! let config = Config::new(AppId(1453))?;
//! let customer = Account::new(AppId(7), UserId(1));
//! let seller = Account::new(AppId(1453), UserId(2));
//! let session = Session::new(config, Identity::new(customer, DeviceId(11))?);
//! let now = UnixTime::from_secs(1_500_000_000)?;
//!
//! // What arrives: a CUSTOMER with seq 3, from customer 7/1 to seller 2.
//! let mut read = BytesMut::from(&[0, 0, 0, 38, 0, 0, 0, 3, 24, 1, 0, 0][..]);
//! read.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1]);
//! read.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
//! read.extend_from_slice(b"hi");
//!
//! let mut host = Host::default();
//! let decoder = FrameDecoder::new(FrameLimit::CLIENT);
//! while let Some(frame) = decoder.decode(&mut read)? {
//!     let Parsed::Message(message) = frame.parse()? else { continue };
//!     let effects = session.handle(message, now)?.save_with(|save| host.append(save))?;
//!     for effect in &effects {
//!         host.apply(effect)?;
//!     }
//! }
//!
//! assert_eq!(host.queues[&seller].len(), 1);
//! assert_eq!(host.queues[&customer].len(), 1);
//! assert_eq!(host.pushes, [seller]);
//! assert_eq!(host.inboxes[&seller], [Outbound::SyncNotify(MsgId(1)).into_owned()]);
//! assert_eq!(host.out[..], [0, 0, 0, 4, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 3]); // ACK 3
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The layers
//!
//! Each needs only those above it.
//!
//! | layer | takes | gives | main items |
//! |---|---|---|---|
//! | wire | bytes | frames, and back | [`FrameDecoder`], [`Frame`], [`Encode`], [`FrameWriter`] |
//! | message | frames | typed messages | [`Message`], [`Body`], [`ChatMessage`] |
//! | outbox | what others send to a connection | what to write next, within bounds | [`Outbox`], [`OutboxBounds`] |
//! | effect | – | plain data for the host | [`Effect`], [`Outbound`], [`OwnedOutbound`] |
//! | delivery | your own rules, then the msgids of both saves | the rest of the effects | [`Delivery`], [`Saves`], [`SaveMessage`], [`Effects`] |
//! | rules | a message, who sent it, the time | a delivery or a refusal | [`Session`], [`Identity`], [`Config`], [`Refusal`] |
//! | dialect | what goes out | the form that a client knows | [`Dialect`] |
//! | connection | bytes, who a token is, pages of a queue | requests to finish in order, and frames | [`Login`], [`Online`], [`Request`], [`SyncRequest`] |
//!
//! The last one is the server's side of a whole connection. A host may do without it, but dialects
//! and bounded syncs are its work: without [`Online`] every client gets messages as they were sent.
//!
//! # Your own rules
//!
//! Blocked customers, a staff list, words to mask: every chat message is a [`Delivery`] once,
//! before anything happens to it, and that is the place for them. [`Delivery`] shows three.
//!
//! # Guarantees
//!
//! - **Save before send**: a list with a push, a notify or an ACK exists only after both msgids
//!   were handed in ([`Saves`] shows what does not compile).
//! - **Only what is legal now**: every list holds only what may be applied now, in the order in
//!   which it must be applied.
//! - **Refusals are values** that name their rule; a refused message has no effect.
//! - **No panic** on any input. A panic is a bug in this crate.
//! - **No allocation, no copy of content** from [`Session::handle`] to the last effect.
//!
//! # Rules
//!
//! Numbers such as `H2.1` or `W5` are the rules of the protocol: W the wire's, H the handler's, S
//! those of login and sync, D those of dialects. [`spec`] has them all, with two conversations byte
//! by byte. Each
//! stands beside the code that keeps the rule and at the tests that fail when it is broken.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `checker` | no | `checker`: a judge for hosts; `client`: a client for tests |
//! | `checker` with `proptest` | no | `script`: property tests of a host; `guide`: how to judge yours, step by step |
//! | `std` | yes | conversions from `SystemTime`; without it the crate is `no_std` and needs `alloc` |
//! | `proptest` | no | `strategy`: generators for messages, frames, identities, configurations, save scripts |
//! | `serde` | no | ids, messages and effects as data |
//! | `tokio-util` | no | `MessageCodec`, for `FramedRead` and `FramedWrite` |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// The layers, lowest first: a module knows only those above it in this list.
mod id;

mod wire;

mod identity;
mod message;

mod outbound;

mod outbox;

mod effect;

mod delivery;

mod rules;

mod session;

mod dialect;

mod sync;

mod connection;

#[cfg(feature = "tokio-util")]
mod codec;
#[cfg(feature = "proptest")]
pub mod strategy;

#[cfg(feature = "checker")]
pub mod checker;

#[cfg(feature = "checker")]
pub mod client;

#[cfg(all(feature = "checker", feature = "proptest"))]
pub mod script;

#[cfg(all(feature = "checker", feature = "proptest"))]
pub mod guide;

#[doc = include_str!("spec.md")]
#[allow(
    clippy::doc_markdown,
    reason = "SYNC_NOTIFY and its like are the protocol's words, not code"
)]
pub mod spec {}

#[cfg(feature = "tokio-util")]
pub use codec::{CodecError, MessageCodec};
pub use connection::{Authentication, Closed, IDLE_TIMEOUT, Login, LoginStep, Online, Request};
pub use delivery::{Accepted, Appended, Copies, Delivery, Effects, EffectsIter};
pub use delivery::{Role, SaveMessage, Saves};
pub use dialect::Dialect;
pub use effect::Effect;
pub use id::{Account, AppId, DeviceId, MsgId, ParseAccountError, Seq};
pub use id::{StoreId, TimeOutOfRange, UnixTime, UserId};
pub use identity::{Config, Identity, ZeroId};
pub use message::{Ack, AckStatus, AuthStatus, AuthToken, Body, ChatMessage, CustomerMessage};
pub use message::{CustomerMessageV2, LoginStatus, Message, Metadata, Parsed, Platform};
pub use message::{ShortBytes, TooLong};
pub use outbound::{DecodeOutboundError, LiveAck, LiveCopy, Outbound, OwnedOutbound};
pub use outbox::{LeftOut, Outbox, OutboxBounds, Pushed};
pub use rules::Refusal;
pub use session::Session;
pub use sync::{StoredMessage, SyncAnswer, SyncBounds, SyncRequest, SyncRow};
pub use wire::{Command, DecodeError, Encode, EncodeError, Flags, Frame, FrameDecoder};
pub use wire::{FrameLimit, FrameWriter, Header, Version};

/// The README's examples, compiled and run with the others. Some need these features.
#[cfg(all(doctest, feature = "checker", feature = "proptest"))]
#[doc = include_str!("../README.md")]
struct Readme;
