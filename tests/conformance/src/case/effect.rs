//! Effects, and what a store answers to a save.

use serde::{Deserialize, Serialize};

use super::hex::Hex;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    pub op: String,
    pub appid: i64,
    pub uid: i64,
    /// Of a `SaveMessage` alone.
    pub device_id: Option<i64>,
    pub cmd: u8,
    pub seq: i32,
    pub version: u8,
    pub flag: u8,
    pub body_hex: Hex,
    #[serde(default, skip_serializing_if = "Meta::is_unknown")]
    pub meta: Meta,
}

/// What travels beside the message of an effect.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(from = "Option<Keys>", into = "Option<Keys>")]
pub enum Meta {
    /// The field is missing: version 1 does not know it.
    #[default]
    Unknown,
    None,
    Keys(Keys),
}

impl Meta {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    pub fn keys(self) -> Option<Keys> {
        self.into()
    }
}

impl From<Option<Keys>> for Meta {
    fn from(keys: Option<Keys>) -> Self {
        keys.map_or(Self::None, Self::Keys)
    }
}

impl From<Meta> for Option<Keys> {
    fn from(meta: Meta) -> Self {
        match meta {
            Meta::Keys(keys) => Some(keys),
            Meta::Unknown | Meta::None => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub sync_key: i64,
    pub prev_sync_key: i64,
}

/// What the store answers to a save that succeeds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "a msgid, or an object with `msgid` and `prev_msgid`")]
pub enum SaveResult {
    /// Version 1.
    Id(i64),
    /// Version 2.
    After(After),
}

/// A copy and the one before it in its queue.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct After {
    pub msgid: i64,
    pub prev_msgid: i64,
}

impl SaveResult {
    pub fn msgid(self) -> i64 {
        match self {
            Self::Id(msgid) | Self::After(After { msgid, .. }) => msgid,
        }
    }

    pub fn previous(self) -> Option<i64> {
        match self {
            Self::Id(_) => None,
            Self::After(After { prev_msgid, .. }) => Some(prev_msgid),
        }
    }
}
