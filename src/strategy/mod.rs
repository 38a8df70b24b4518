//! Strategies for `proptest`: good and hostile input for property tests of a host.
//!
//! Ids are mostly a few small numbers, so that they collide and the guards of H2 and H3 let about a tenth of all messages
//! through; [`accepted`] and [`refused`] are of one kind only. Half of the messages are UNPERSISTENT, and some go to their own
//! sender. Zeros, negative numbers and the ends of the range are mixed in. Messages survive a round trip: what is written
//! can be read, and reads as what it was. Values shrink towards small ids, short contents and few chunks. `Debug` hides
//! contents, so a failing case shows their lengths only.
//!
//! A host that must not acknowledge what it did not store could test it like this:
//!
//! ```
//! use kefu_proto::strategy::{accepted, login, save_script, unix_time};
//! use kefu_proto::{Delivery, Outbound, Session};
//! use proptest::prelude::*;
//!
//! let exchange = login().prop_flat_map(|(config, identity)| {
//!     (Just(Session::new(config, identity)), accepted(config, identity))
//! });
//! proptest!(|((session, message) in exchange, now in unix_time(), script in save_script())| {
//!     let seq = message.seq;
//!     let delivery = session.handle(message.into(), now)?;
//!     let stores = matches!(delivery, Delivery::Persistent(_));
//!     match delivery.save_with(script.store()) {
//!         Ok(effects) => {
//!             let last = effects.iter().last().map(|effect| effect.message());
//!             prop_assert_eq!(last, Some(Outbound::Ack(seq)));
//!             prop_assert!(script.saved().is_some() || !stores);
//!         }
//!         Err(_) => prop_assert!(script.saved().is_none() && stores),
//!     }
//! });
//! ```
//!
//! and one whose read loop must not care how the network cuts its input like this:
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

mod number;
mod wire;

use bytes::Bytes;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use thiserror::Error;

use crate::{Account, ChatMessage, Config, CustomerMessage, Identity, MsgId, Party};
use crate::{SaveMessage, Saved, UserId};

pub use number::{account, app_id, device_id, flags, msg_id, seq};
pub use number::{store_id, unix_time, user_id, version};
use wire::bytes;
pub use wire::{byte_stream, chunks, frame, malformed_frame, message, unlisted_frame};

/// A configuration and somebody who is logged in: half of the time a seller, otherwise mostly a customer.
pub fn login() -> impl Strategy<Value = (Config, Identity)> {
    (config(), account(), device_id(), any::<bool>()).prop_filter_map(
        "nobody is logged in as 0",
        |(config, Account { appid, uid }, device_id, seller)| {
            let appid = if seller { config.kefu_appid() } else { appid };
            let identity = Identity::new(Account { appid, uid }, device_id).ok()?;
            Some((config, identity))
        },
    )
}

/// A configuration; its kefu app is not 0.
pub fn config() -> impl Strategy<Value = Config> {
    app_id().prop_filter_map("the kefu app is not 0", |appid| Config::new(appid).ok())
}

/// Somebody on some device; neither appid nor uid is 0.
pub fn identity() -> impl Strategy<Value = Identity> {
    (account(), device_id()).prop_filter_map("nobody is logged in as 0", |(account, device_id)| {
        Identity::new(account, device_id).ok()
    })
}

/// A chat message that a session of this configuration and identity accepts (H2, H3).
///
/// From a seller where the session is one, from a customer otherwise; and since nothing forbids that the kefu app has
/// customers of its own, sometimes from a customer where the session is a seller's.
pub fn accepted(config: Config, identity: Identity) -> impl Strategy<Value = ChatMessage> {
    let Account { appid, uid } = identity.account();
    chat_message().prop_map(move |mut message| {
        if appid != config.kefu_appid() {
            message.from = Party::Customer;
        }
        match message.from {
            Party::Customer => {
                let seller_id = other_than(UserId(0), message.body.seller_id);
                let (customer_appid, customer_id) = (appid, uid);
                message.body =
                    CustomerMessage { customer_appid, customer_id, seller_id, ..message.body };
            }
            Party::Seller => message.body.seller_id = uid,
        }
        message
    })
}

/// A chat message that a session of this configuration and identity refuses (H2, H3): one guard at least is broken, and
/// often it is only one.
pub fn refused(config: Config, identity: Identity) -> impl Strategy<Value = ChatMessage> {
    let Account { appid, uid } = identity.account();
    let nearly = prop_oneof![accepted(config, identity), chat_message()].boxed();
    (nearly, 0..3_u8).prop_map(move |(mut message, guard)| {
        let body = &mut message.body;
        match (message.from, guard) {
            (Party::Customer, 0) => body.customer_appid = other_than(appid, body.customer_appid),
            (Party::Customer, 1) => body.customer_id = other_than(uid, body.customer_id),
            (Party::Customer, _) => body.seller_id = UserId(0),
            // Whoever is not of the kefu app is no seller, whatever the message says.
            (Party::Seller, _) if appid != config.kefu_appid() => {}
            (Party::Seller, _) => body.seller_id = other_than(uid, body.seller_id),
        }
        message
    })
}

/// A chat message from anyone to anyone, with any header.
pub fn chat_message() -> impl Strategy<Value = ChatMessage> {
    let from = select(&[Party::Customer, Party::Seller][..]);
    (seq(), version(), flags(), from, customer_message()).prop_map(
        |(seq, version, flags, from, body)| ChatMessage { seq, version, flags, from, body },
    )
}

/// The body of a chat message from anyone to anyone.
pub fn customer_message() -> impl Strategy<Value = CustomerMessage> {
    (account(), store_id(), user_id(), unix_time(), content()).prop_map(
        |(customer, store_id, seller_id, timestamp, content)| CustomerMessage {
            customer_appid: customer.appid,
            customer_id: customer.uid,
            store_id,
            seller_id,
            timestamp,
            content,
        },
    )
}

/// Any content that a client connection carries: mostly a few bytes, of text or of anything; now and then as many as fit.
pub fn content() -> impl Strategy<Value = Bytes> {
    let long = (any::<u8>(), prop_oneof![256..=LONGEST_CONTENT, Just(LONGEST_CONTENT)]);
    prop_oneof![
        16 => bytes(0..=48).prop_map(Bytes::from),
        4 => "\\{\"text\":\"\\PC{0,8}\"\\}".prop_map(Bytes::from),
        1 => long.prop_map(|(byte, len)| Bytes::from(std::vec![byte; len])),
    ]
    .boxed()
}

/// What the largest body of a client connection leaves after the fixed part (W2, W4).
const LONGEST_CONTENT: usize = 32 * 1024 - 1 - 36;

/// What a store answers to the two saves of one message.
pub fn save_script() -> impl Strategy<Value = SaveScript> {
    let answer = || weighted(0.75, msg_id());
    (answer(), answer()).prop_map(|(receiver, sender)| SaveScript { receiver, sender })
}

/// Which saves succeed, and under which ids; `None` is a save that fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SaveScript {
    /// The answer to the save into the receiver's queue.
    pub receiver: Option<MsgId>,
    /// The answer to the save into the sender's queue. A host that saves one copy after the other does not ask for it when
    /// the receiver's fails (H8).
    pub sender: Option<MsgId>,
}

impl SaveScript {
    /// Both ids, where both saves succeed.
    #[must_use]
    pub fn saved(self) -> Option<Saved> {
        Some(Saved { receiver: self.receiver?, sender: self.sender? })
    }

    /// A store for [`Delivery::save_with`](crate::Delivery::save_with): answers the first call for the receiver's queue, the
    /// second for the sender's. Any further call fails.
    pub fn store(self) -> impl FnMut(SaveMessage<'_>) -> Result<MsgId, SaveFailed> {
        let mut answers = [self.receiver, self.sender].into_iter();
        move |_| answers.next().flatten().ok_or(SaveFailed)
    }
}

/// A save that fails because the [`SaveScript`] says so.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the save fails, as the script says")]
pub struct SaveFailed;

/// `id`, or where it is the `taken` one, another.
fn other_than<T: Copy + PartialEq + From<i64>>(taken: T, id: T) -> T
where
    i64: From<T>,
{
    if id == taken { T::from(i64::from(taken).wrapping_add(1)) } else { id }
}
