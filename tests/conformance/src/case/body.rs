//! A frame's body, field by field.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::hex::Hex;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "type")]
pub enum Body {
    AuthStatus {
        status: i32,
        /// In the recordings of version 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        ip: Option<i32>,
    },
    Ack {
        ack_seq: i32,
        /// In the recordings of version 2.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<i8>,
    },
    AuthToken {
        platform_id: i8,
        token_hex: Hex,
        device_id_hex: Hex,
    },
    Customer {
        customer_appid: i64,
        customer_id: i64,
        store_id: i64,
        seller_id: i64,
        timestamp: i32,
        content_hex: Hex,
    },
    CustomerV2 {
        sender_appid: i64,
        sender: i64,
        receiver_appid: i64,
        receiver: i64,
        timestamp: i32,
        content_hex: Hex,
    },
    Metadata {
        sync_key: i64,
        prev_sync_key: i64,
    },
    SyncKey {
        sync_key: i64,
    },
    /// A body that was read and forgotten.
    Ignored {},
    /// `other:…`: a body of a command outside the table. Its fields are nobody's business here.
    #[serde(skip_deserializing)]
    Other {
        command: String,
    },
}

/// `null` if the command has no body.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Body>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let kind = value.get("type").and_then(Value::as_str);
    match kind.and_then(|kind| kind.strip_prefix("other:")) {
        Some(command) => Ok(Some(Body::Other { command: command.to_owned() })),
        None => Option::deserialize(value).map_err(D::Error::custom),
    }
}
