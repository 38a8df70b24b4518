//! Sessions and the chat messages that they accept or refuse.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;

use super::number::{
    account, app_id, bytes, device_id, flags, seq, store_id, unix_time, user_id, version,
};
use crate::id::Account;
use crate::identity::{Config, Identity};
use crate::message::{ChatBody, ChatMessage, CustomerMessage, CustomerMessageV2, Form};

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

/// A chat message that a session of this configuration and identity accepts (H2, H3, H13).
///
/// In version 1, from a seller where the session is one, from a customer otherwise; and since
/// nothing forbids that the kefu app has customers of its own, sometimes from a customer where the
/// session is a seller's. A third is of version 2.
pub fn accepted(config: Config, identity: Identity) -> impl Strategy<Value = ChatMessage> {
    let Account { appid, uid } = identity.account();
    let kefu_appid = config.kefu_appid();
    chat_message().prop_map(move |mut message| {
        if message.form == Form::CustomerSupport && appid != kefu_appid {
            message.form = Form::Customer;
        }
        let ids = &mut message.body.ids;
        match message.form {
            Form::Customer => {
                let seller_id = other_than(0, ids[3]);
                *ids = [appid.0, uid.0, ids[2], seller_id];
            }
            Form::CustomerSupport => ids[3] = uid.0,
            Form::CustomerV2 => {
                let receiver_appid = if appid == kefu_appid { ids[2] } else { kefu_appid.0 };
                *ids = [appid.0, uid.0, receiver_appid, ids[3]];
            }
        }
        message
    })
}

/// A chat message that a session of this configuration and identity refuses (H2, H3, H13): one
/// guard at least is broken, and often it is only one.
pub fn refused(config: Config, identity: Identity) -> impl Strategy<Value = ChatMessage> {
    let Account { appid, uid } = identity.account();
    let kefu_appid = config.kefu_appid();
    let nearly = prop_oneof![accepted(config, identity), chat_message()].boxed();
    (nearly, 0..3_u8).prop_map(move |(mut message, guard)| {
        let ids = &mut message.body.ids;
        match (message.form, guard) {
            (Form::Customer | Form::CustomerV2, 0) => ids[0] = other_than(appid.0, ids[0]),
            (Form::Customer, 1) => ids[1] = other_than(uid.0, ids[1]),
            (Form::Customer, _) => ids[3] = 0,
            // Whoever is not of the kefu app is no seller, whatever the message says.
            (Form::CustomerSupport, _) if appid != kefu_appid => {}
            (Form::CustomerSupport, _) => ids[3] = other_than(uid.0, ids[3]),
            // A user of the kefu app may write to anybody.
            (Form::CustomerV2, 2) if appid != kefu_appid => {
                ids[2] = other_than(kefu_appid.0, ids[2]);
            }
            (Form::CustomerV2, _) => ids[1] = other_than(uid.0, ids[1]),
        }
        message
    })
}

/// A chat message of either version from anyone to anyone, with any header.
pub fn chat_message() -> impl Strategy<Value = ChatMessage> {
    let form = select(&[Form::Customer, Form::CustomerSupport, Form::CustomerV2][..]);
    let body = prop_oneof![
        customer_message().prop_map_into::<ChatBody>(),
        customer_message_v2().prop_map_into()
    ];
    (seq(), version(), flags(), form, body)
        .prop_map(|(seq, version, flags, form, body)| ChatMessage {
            seq,
            version,
            flags,
            form,
            body,
        })
        .boxed()
}

/// The body of a message of version 2 from anyone to anyone.
pub fn customer_message_v2() -> impl Strategy<Value = CustomerMessageV2> {
    (account(), account(), unix_time(), content()).prop_map(
        |(sender, receiver, timestamp, content)| CustomerMessageV2 {
            sender,
            receiver,
            timestamp,
            content,
        },
    )
}

/// The body of a message of version 1 from anyone to anyone.
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
const fn other_than(taken: i64, id: i64) -> i64 {
    if id == taken { taken.wrapping_add(1) } else { id }
}
