//! What a connection's writer puts on the stream, frame by frame.

use serde::{Deserialize, Serialize};

use super::body::{self, Body};
use super::effect::{Keys, SaveResult};
use super::handler::SessionOf;
use super::hex::Hex;
use super::mark::Mark;

/// Which kind of writer case it is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Queue,
    Login,
    Deliver,
    Sync,
}

/// One connection is given messages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueCase {
    pub id: String,
    #[serde(rename = "kind")]
    _kind: Kind,
    pub marks: Vec<Mark>,
    pub version: u8,
    /// The number of the last frame before.
    pub start_seq: Option<i32>,
    pub steps: Vec<Step>,
    pub frames: Vec<Hex>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(rename = "via")]
    _via: Via,
    pub messages: Vec<Queued>,
}

/// One queue of the original's three. Here a connection has one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Via {
    Enqueue,
    Nonblock,
    Batch,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queued {
    pub cmd: u8,
    pub seq: i32,
    pub version: u8,
    pub flag: u8,
    #[serde(deserialize_with = "body::read")]
    pub body: Option<Body>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub meta: Option<Keys>,
}

/// A fresh connection, and what it is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginCase {
    pub id: String,
    #[serde(rename = "kind")]
    _kind: Kind,
    pub marks: Vec<Mark>,
    pub tokens: Vec<Token>,
    pub input: Vec<Hex>,
    pub frames: Vec<Hex>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub token_hex: Hex,
    pub appid: i64,
    pub uid: i64,
}

/// The whole server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverCase {
    pub id: String,
    #[serde(rename = "kind")]
    _kind: Kind,
    pub marks: Vec<Mark>,
    pub kefu_appid: i64,
    pub now: i64,
    pub connections: Vec<ConnectionOf>,
    pub inputs: Vec<Arrival>,
    pub router: Vec<Routed>,
    pub frames: Vec<Vec<Hex>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionOf {
    pub appid: i64,
    pub uid: i64,
    pub device_id: i64,
    pub version: u8,
}

impl ConnectionOf {
    pub fn session(self) -> SessionOf {
        SessionOf { appid: self.appid, uid: self.uid, device_id: self.device_id }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    pub connection: usize,
    pub frame_hex: Hex,
    pub save_results: Vec<Option<SaveResult>>,
}

/// What left the server: a save has a device and neither number nor version nor flag.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Routed {
    pub op: String,
    pub appid: i64,
    pub uid: i64,
    pub device_id: Option<i64>,
    pub cmd: u8,
    pub seq: Option<i32>,
    pub version: Option<u8>,
    pub flag: Option<u8>,
    pub body_hex: Hex,
    pub meta: Option<Keys>,
}

/// One connection asks for what it has missed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncCase {
    pub id: String,
    #[serde(rename = "kind")]
    _kind: Kind,
    pub marks: Vec<Mark>,
    pub kefu_appid: i64,
    pub session: ConnectionOf,
    pub stored_key: i64,
    pub request_key: i64,
    /// `None` for an error.
    pub storage: Option<Storage>,
    /// What the server asked storage for, if it did.
    pub asked_key: Option<i64>,
    pub frames: Vec<Hex>,
    pub frames_more: Option<Vec<Hex>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The newest first.
    pub messages: Vec<Row>,
    pub last_msgid: i64,
    pub has_more: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub msgid: i64,
    pub device_id: i64,
    pub cmd: u8,
    pub body_hex: Hex,
}
