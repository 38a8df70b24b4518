//! The queue of a push service.

use std::borrow::Cow;

use deadpool_redis::redis::cmd;
use kefu_proto::{Body, CustomerMessage, Frame, Message, Parsed};
use serde::Serialize;

use crate::redis::connection::{Redis, RedisError};
use crate::store::PushEntry;

/// A Redis list, from whose head the push service takes.
pub struct PushList(Redis);

impl PushList {
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Appends all entries in order, or none.
    pub async fn push(&self, entries: &[PushEntry]) -> Result<(), RedisError> {
        let pushes: Vec<_> = entries.iter().filter_map(json).collect();
        if pushes.is_empty() {
            return Ok(());
        }
        let _length: i64 = self.0.ask(cmd("RPUSH").arg("customer_push_queue").arg(pushes)).await?;
        Ok(())
    }

    /// Waits while Redis cannot be reached.
    pub async fn until_reachable(&self) {
        self.0.until_reachable().await;
    }
}

/// `None` for a body that is no chat message. This server puts none into the outbox.
fn json(entry: &PushEntry) -> Option<String> {
    let Some(message) = message(entry) else {
        tracing::warn!(to = %entry.to, command = %entry.command, "not a chat message; removed");
        return None;
    };
    let push = Push {
        appid: entry.to.appid.0,
        receiver: entry.to.uid.0,
        command: entry.command.0,
        customer_appid: message.customer_appid.0,
        customer: message.customer_id.0,
        seller: message.seller_id.0,
        store: message.store_id.0,
        content: String::from_utf8_lossy(&message.content),
    };
    serde_json::to_string(&push).ok()
}

fn message(entry: &PushEntry) -> Option<CustomerMessage> {
    match Frame::new(entry.command, entry.body.clone()).parse().ok()? {
        Parsed::Message(Message {
            body: Body::Customer(message) | Body::CustomerSupport(message),
            ..
        }) => Some(message),
        _ => None,
    }
}

/// The JSON that the push service reads. Invalid UTF-8 of the content is replaced by U+FFFD.
#[derive(Serialize)]
struct Push<'e> {
    appid: i64,
    receiver: i64,
    command: u8,
    customer_appid: i64,
    customer: i64,
    seller: i64,
    store: i64,
    content: Cow<'e, str>,
}
