//! Strategies for `proptest`: good and hostile input for property tests of a host.
//!
//! Ids are mostly a few small numbers, so that they collide and the guards of H2 and H3 let about a
//! tenth of all messages through; [`accepted`] and [`refused`] give one kind only. Half of the
//! messages are UNPERSISTENT, and some go to their own sender. Zeros, negative numbers and the ends
//! of the range are mixed in. Messages survive a round trip: written and read again, they are the
//! same. Values shrink towards small ids, short contents and few chunks. `Debug` hides contents, so
//! a failing case shows only their lengths.
//!
//! A test that a host acknowledges only what it has stored:
//!
//! ```
//! use kefu_proto::strategy::{accepted, login, save_script, unix_time};
//! use kefu_proto::{Command, Encode, Session};
//! use proptest::prelude::*;
//!
//! let exchange = login().prop_flat_map(|(config, identity)| {
//!     (Just(Session::new(config, identity)), accepted(config, identity))
//! });
//! proptest!(|((session, message) in exchange, now in unix_time(), script in save_script())| {
//!     let delivery = session.handle(message.into(), now)?;
//!     let stores = delivery.is_persistent();
//!     match delivery.save_with(script.store()) {
//!         Ok(effects) => {
//!             let last = effects.iter().last().map(|effect| effect.message().command());
//!             prop_assert_eq!(last, Some(Command::ACK));
//!             prop_assert!(script.copies().is_some() || !stores);
//!         }
//!         Err(_) => prop_assert!(script.copies().is_none() && stores),
//!     }
//! });
//! ```
//!
//! And a test that a read loop does not care how the network cuts its input:
//!
//! ```
//! use bytes::BytesMut;
//! use kefu_proto::strategy::{byte_stream, chunks};
//! use kefu_proto::{FrameDecoder, FrameLimit};
//! use proptest::prelude::*;
//!
//! let decoder = FrameDecoder::new(FrameLimit::CLIENT);
//! let stream = byte_stream().prop_flat_map(|stream| (Just(stream.clone()), chunks(stream)));
//! proptest!(|((stream, chunks) in stream)| {
//!     let mut whole = BytesMut::from(&stream[..]);
//!     let mut read = BytesMut::new();
//!     for chunk in chunks {
//!         read.extend_from_slice(&chunk);
//!         while let Ok(Some(frame)) = decoder.decode(&mut read) {
//!             prop_assert_eq!(decoder.decode(&mut whole), Ok(Some(frame)));
//!         }
//!     }
//!     prop_assert_eq!(read, whole);
//! });
//! ```

mod chat;
mod number;
mod save;
mod wire;

pub use chat::{accepted, chat_message, config, content, customer_message, customer_message_v2};
pub use chat::{identity, login, refused};
pub use number::{account, app_id, device_id, flags, msg_id, seq};
pub use number::{store_id, unix_time, user_id, version};
pub use save::{SaveFailed, SaveScript, appended, save_script};
pub use wire::{ack_status, byte_stream, chunks, frame, malformed_frame, message, unlisted_frame};
