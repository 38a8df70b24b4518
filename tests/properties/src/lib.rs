//! Properties of every message, every stream and every session, tried on generated input.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod bodies;
mod codec;
mod connection;
mod exchange;
mod handler;
mod live;
mod outbox;
mod pairs;
mod reference;
mod script;
mod strategies;
mod stream;
mod sync;
mod translation;
mod v1_server;
mod writer;

use bytes::Bytes;
use kefu_proto::{Account, AppId, Body, ChatMessage, Message, StoreId, UnixTime, UserId};

/// The four ids of a chat message, in the order of its body.
fn ids(message: &ChatMessage) -> [i64; 4] {
    match Message::from(message.clone()).body {
        Body::Customer(text) | Body::CustomerSupport(text) => {
            [text.customer_appid.0, text.customer_id.0, text.store_id.0, text.seller_id.0]
        }
        Body::CustomerV2(text) => {
            [text.sender.appid.0, text.sender.uid.0, text.receiver.appid.0, text.receiver.uid.0]
        }
        other => panic!("{other:?} is no chat message"),
    }
}

/// The same message with other ids, time and content.
fn with(message: &ChatMessage, ids: [i64; 4], time: UnixTime, content: Bytes) -> ChatMessage {
    let mut message = Message::from(message.clone());
    match &mut message.body {
        Body::Customer(text) | Body::CustomerSupport(text) => {
            text.customer_appid = AppId(ids[0]);
            text.customer_id = UserId(ids[1]);
            text.store_id = StoreId(ids[2]);
            text.seller_id = UserId(ids[3]);
            (text.timestamp, text.content) = (time, content);
        }
        Body::CustomerV2(text) => {
            text.sender = Account::new(AppId(ids[0]), UserId(ids[1]));
            text.receiver = Account::new(AppId(ids[2]), UserId(ids[3]));
            (text.timestamp, text.content) = (time, content);
        }
        other => panic!("{other:?} is no chat message"),
    }
    ChatMessage::try_from(message).unwrap()
}
