//! Some bytes and what a reader made of them.

use serde::{Deserialize, Serialize};

use super::Format;
use super::body::{self, Body};
use super::hex::Hex;
use super::mark::Mark;

/// The last three fields belong to `ok`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireCase {
    pub id: String,
    pub hex: Hex,
    pub limit: u32,
    /// Version 2 alone: whether a client sends the bytes, or another server.
    pub external: Option<bool>,
    pub result: Verdict,
    pub marks: Vec<Mark>,
    pub consumed: Option<usize>,
    pub decoded: Option<Decoded>,
    pub reencoded_hex: Option<Hex>,
}

impl WireCase {
    pub fn format(&self) -> Format {
        if self.external.is_some() { Format::V2 } else { Format::V1 }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decoded {
    pub cmd: u8,
    pub seq: i32,
    pub version: u8,
    pub flag: u8,
    /// `null` if the command has no body. The attribute makes it an error to leave the field out.
    #[serde(deserialize_with = "body::read")]
    pub body: Option<Body>,
}

/// What a reader says about the bytes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum Verdict {
    #[serde(rename = "ok")]
    Ok,
    #[serde(rename = "incomplete")]
    Incomplete,
    #[serde(rename = "error:length")]
    Length,
    #[serde(rename = "error:parse")]
    Parse,
    /// Version 2: a command that the original does not take from clients.
    #[serde(rename = "error:cmd")]
    Cmd,
    /// A whole frame for the host. Never recorded: the mark `unlisted-command` asks for it.
    #[serde(rename = "unlisted", skip_deserializing)]
    Unlisted,
}
