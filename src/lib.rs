//! The customer-service (客服, *kefu*) chat of a GoBelieve-style IM server, as a state machine without I/O.
//!
//! **A decoded message and a session identity yield a list of effects: apply the saves in order, feed their msgids back in,
//! apply the rest in order, ending with the ACK.**
//!
//! Customers live in the apps of tenants, sellers in the one *kefu app*. The crate decides who may say what to whom, what is
//! stored where, who is notified with which id, and when the sender gets an ACK. Sockets, clock, storage, threads and logs are
//! the host's.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use kefu_proto::*;
//!
//! // What arrives: customer 1 of app 7 writes to seller 2.
//! let mut read = BytesMut::new();
//! let text = CustomerMessage {
//!     customer_appid: AppId(7),
//!     customer_id: UserId(1),
//!     store_id: StoreId(1),
//!     seller_id: UserId(2),
//!     timestamp: UnixTime::from(0),
//!     content: Bytes::from_static(br#"{"text":"hello"}"#),
//! };
//! let body = Body::Customer(text);
//! Message { seq: Seq(3), version: Version(1), flags: Flags::NONE, body }.encode(&mut read)?;
//!
//! // What the host knows: its configuration, who logged in on this connection, and the time.
//! let config = Config::new(AppId(1453))?;
//! let customer = Account { appid: AppId(7), uid: UserId(1) };
//! let session = Session::new(config, Identity::new(customer, DeviceId(11))?);
//! let now = UnixTime::from_secs(1_500_000_000)?;
//!
//! // Its store: here, a list that gives out positions.
//! let mut store = Vec::new();
//! let mut append = |save: SaveMessage<'_>| -> Result<MsgId, EncodeError> {
//!     let mut body = Vec::new();
//!     save.message.encode_body(&mut body)?;
//!     store.push((save.queue, save.message.command(), body));
//!     Ok(MsgId(i64::try_from(store.len()).unwrap_or(i64::MAX)))
//! };
//!
//! let decoder = FrameDecoder::new(FrameLimit::CLIENT);
//! while let Some(frame) = decoder.decode(&mut read)? {
//!     let Incoming::Message(message) = frame.parse()? else { continue };
//!     let effects = session.handle(message, now)?.save_with(&mut append)?;
//!     let names = effects.iter().map(|effect| effect.name());
//!     assert!(names.eq(["PushMessage", "SendAppMessage", "SendMessage", "EnqueueMessage"]));
//! }
//! assert_eq!(store[0].0, Account { appid: AppId(1453), uid: UserId(2) }); // the receiver's queue
//! assert_eq!(store[1].0, customer); // then the sender's
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The layers
//!
//! Each is usable without those after it.
//!
//! | layer | takes | gives | main items |
//! |---|---|---|---|
//! | wire | bytes | frames, and back | [`FrameDecoder`], [`Frame`], [`Encode`], [`FrameWriter`] |
//! | message | frames | typed messages | [`Message`], [`Body`], [`ChatMessage`], [`CustomerMessage`] |
//! | session | a message, who sent it, the time | a delivery or a refusal | [`Session`], [`Identity`], [`Config`], [`Refusal`] |
//! | delivery | the msgids of both saves | the rest of the effects | [`Delivery`], [`Saves`], [`Saved`], [`Effects`] |
//! | effects | – | plain data for the host | [`SaveMessage`], [`Effect`], [`Outbound`] |
//!
//! Beside them stands the server's side of a whole connection, for hosts that want it:
//!
//! | layer | takes | gives | main items |
//! |---|---|---|---|
//! | connection | bytes, who a token is | requests to finish in order, and frames | [`Login`], [`Online`], [`Request`] |
//! | sync | the kept key, pages of a queue | frames for this device, its new key | [`SyncRequest`], [`SyncPages`] |
//!
//! # Guarantees
//!
//! - **Save before send**: no push, notify or ACK can exist before both msgids were handed in ([`Saves`] shows what does not
//!   compile).
//! - **Only what is legal now**: every list holds only what may be applied now, in the order in which it must be applied.
//! - **Refusals are values** that name their rule; a refused message has no effect.
//! - **No panic** on any input. A panic is a bug in this crate.
//! - **No allocation, no copy of content** from [`Session::handle`] to the last effect.
//!
//! # Rules
//!
//! Marks like `H2.1` or `W5` in these pages number the rules of the protocol: W the wire's, H the handler's, S those of login
//! and sync. [`spec`] has them all, with a whole conversation byte by byte. A mark stands beside the code that keeps the rule
//! and at the tests that fail when it is broken.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | conversions from `SystemTime`; without it the crate is `no_std` and needs `alloc` |
//! | `proptest` | no | `strategy`: generators for messages, frames, identities, configurations, save scripts |
//! | `serde` | no | ids, messages and effects as data |
//! | `tokio-util` | no | `MessageCodec`, for `FramedRead` and `FramedWrite` |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "tokio-util")]
mod codec;
mod connection;
mod delivery;
mod effect;
mod error;
mod id;
mod message;
mod session;
#[doc = include_str!("spec.md")]
#[allow(
    clippy::doc_markdown,
    reason = "SYNC_NOTIFY and its like are the protocol's words, not code"
)]
pub mod spec {}
#[cfg(feature = "proptest")]
pub mod strategy;
mod sync;
mod wire;

#[cfg(feature = "tokio-util")]
pub use codec::{CodecError, MessageCodec};
pub use connection::{Authentication, Closed, IDLE_TIMEOUT, Login, LoginStep, Online, Request};
pub use delivery::{Delivery, Effects, EffectsIter, Saved, Saves};
pub use effect::{Effect, Outbound, SaveMessage};
pub use error::{DecodeError, EncodeError, Refusal, TimeOutOfRange, TooLong, ZeroId};
pub use id::{Account, AppId, DeviceId, MsgId, Seq, StoreId, UnixTime, UserId};
pub use message::{AuthStatus, AuthToken, Body, ChatMessage, CustomerMessage, LoginStatus};
pub use message::{Message, Party, Platform, ShortBytes};
pub use session::{Config, Identity, Session};
pub use sync::{StoredMessage, SyncPages, SyncRequest};
pub use wire::{Command, Encode, Flags, Frame, FrameDecoder, FrameLimit, FrameWriter, Header};
pub use wire::{Incoming, Version};

/// The README's examples, compiled and run with the others.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
