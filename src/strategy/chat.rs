//! Sessions and the chat messages that they accept or refuse.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;

use super::number::{
    account, app_id, bytes, device_id, flags, seq, store_id, unix_time, user_id, version,
};
use crate::id::{Account, UserId};
use crate::identity::{Config, Identity};
use crate::message::{ChatMessage, CustomerMessage, Party};

/// A configuration and somebody who is logged in: half of the time a seller, otherwise mostly a
/// customer.
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
/// From a seller where the session is one, from a customer otherwise; and since nothing forbids
/// that the kefu app has customers of its own, sometimes from a customer where the session is a
/// seller's.
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

/// A chat message that a session of this configuration and identity refuses (H2, H3): one guard at
/// least is broken, and often it is only one.
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

/// Any content that a client connection carries: mostly a few bytes, of text or of anything; now
/// and then as many as fit.
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

/// `id`, or where it is the `taken` one, another.
fn other_than<T: Copy + PartialEq + From<i64>>(taken: T, id: T) -> T
where
    i64: From<T>,
{
    if id == taken { T::from(i64::from(taken).wrapping_add(1)) } else { id }
}
