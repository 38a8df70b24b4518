//! What the push service reads.

use bytes::Bytes;
use kefu_proto::{Body, Frame, Message, Parsed};
use serde::{Serialize, Serializer};

use crate::store::PushEntry;

/// The JSON of a push. `appid` and, in version 1, `receiver` name the account to be notified.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Push {
    V1 {
        appid: i64,
        receiver: i64,
        command: u8,
        customer_appid: i64,
        customer: i64,
        seller: i64,
        store: i64,
        #[serde(serialize_with = "text")]
        content: Bytes,
    },
    V2 {
        appid: i64,
        sender_appid: i64,
        sender: i64,
        receiver_appid: i64,
        receiver: i64,
        #[serde(serialize_with = "text")]
        content: Bytes,
    },
}

impl Push {
    /// `None` for a body that is no chat message. This server puts none into the outbox.
    pub(super) fn read(entry: &PushEntry) -> Option<Self> {
        let push = match Frame::new(entry.command, entry.body.clone()).parse() {
            Ok(Parsed::Message(message)) => Self::of(entry, message),
            _ => None,
        };
        if push.is_none() {
            tracing::warn!(to = %entry.to, command = %entry.command, "no chat message; removed");
        }
        push
    }

    fn of(PushEntry { to, command, .. }: &PushEntry, message: Message) -> Option<Self> {
        Some(match message.body {
            Body::Customer(message) | Body::CustomerSupport(message) => Self::V1 {
                appid: to.appid.0,
                receiver: to.uid.0,
                command: command.0,
                customer_appid: message.customer_appid.0,
                customer: message.customer_id.0,
                seller: message.seller_id.0,
                store: message.store_id.0,
                content: message.content,
            },
            Body::CustomerV2(message) => Self::V2 {
                appid: to.appid.0,
                sender_appid: message.sender.appid.0,
                sender: message.sender.uid.0,
                receiver_appid: message.receiver.appid.0,
                receiver: message.receiver.uid.0,
                content: message.content,
            },
            _ => return None,
        })
    }
}

/// Invalid UTF-8 is replaced by U+FFFD.
fn text<S: Serializer>(content: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(content))
}
