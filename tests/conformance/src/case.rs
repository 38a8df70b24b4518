//! A recorded case as its line says it.
//!
//! Unknown fields are errors, so that no demand of a case is overlooked. The numbers are plain
//! integers on purpose: what is expected must not depend on the types that are being tested.

use std::fmt::{self, Display};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub enum Case {
    Handler(HandlerCase),
    Wire(WireCase),
}

impl Case {
    /// Reads one line; the error is one line, too.
    pub fn parse(line: &str) -> Result<Self, String> {
        // The kind first: then an error can name the field.
        let kind = serde_json::from_str(line).map_err(|error| describe(&error))?;
        match kind {
            Kind { input: Some(_), hex: None } => serde_json::from_str(line).map(Self::Handler),
            Kind { input: None, hex: Some(_) } => serde_json::from_str(line).map(Self::Wire),
            Kind { input: Some(_), hex: Some(_) } => {
                return Err("both `input` and `hex`: a handler case or a wire case?".to_owned());
            }
            Kind { input: None, hex: None } => {
                return Err(
                    "neither `input` nor `hex`: no handler case and no wire case".to_owned()
                );
            }
        }
        .map_err(|error| describe(&error))
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Handler(case) => &case.id,
            Self::Wire(case) => &case.id,
        }
    }

    pub fn marks(&self) -> &[Mark] {
        match self {
            Self::Handler(case) => &case.marks,
            Self::Wire(case) => &case.marks,
        }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a case, which is an object")]
struct Kind {
    input: Option<IgnoredAny>,
    hex: Option<IgnoredAny>,
}

/// One frame arrives on one session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerCase {
    pub id: String,
    pub kefu_appid: i64,
    pub session: SessionOf,
    pub now: i64,
    pub input: Input,
    pub save_results: Vec<Option<i64>>,
    pub decode: Verdict,
    pub branch: String,
    pub marks: Vec<Mark>,
    pub effects: Vec<Effect>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionOf {
    pub appid: i64,
    pub uid: i64,
    pub device_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub frame_hex: Hex,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
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
}

/// Some bytes and what the reader made of them. The last three fields belong to `ok`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireCase {
    pub id: String,
    pub hex: Hex,
    pub limit: u32,
    pub result: Verdict,
    pub marks: Vec<Mark>,
    pub consumed: Option<usize>,
    pub decoded: Option<Decoded>,
    pub reencoded_hex: Option<Hex>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decoded {
    pub cmd: u8,
    pub seq: i32,
    pub version: u8,
    pub flag: u8,
    /// `null` if the command has no body. The attribute makes it an error to leave the field out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub body: Option<Body>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "type")]
pub enum Body {
    AuthStatus {
        status: i32,
        ip: i32,
    },
    Ack {
        ack_seq: i32,
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
    SyncKey {
        sync_key: i64,
    },
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
    /// A whole frame for the host. Never recorded: the mark `unlisted-command` asks for it.
    #[serde(rename = "unlisted", skip_deserializing)]
    Unlisted,
}

/// Why a case ends differently here than it did in the original.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    ZeroIdentity,
    ClockRange,
    UnlistedCommand,
}

/// With the rule that makes the difference.
impl Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroIdentity => "zero-identity (H12)",
            Self::ClockRange => "clock-range (H4.2)",
            Self::UnlistedCommand => "unlisted-command (W3.4)",
        })
    }
}

/// Bytes, written as lower-case hexadecimal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hex(pub Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = text.as_bytes().chunks(2).map(byte).collect::<Option<_>>();
        bytes.map(Self).ok_or_else(|| "not lower-case hexadecimal".to_owned())
    }
}

fn byte(pair: &[u8]) -> Option<u8> {
    let digit = |digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let &[high, low] = pair else { return None };
    Some(digit(high)? << 4 | digit(low)?)
}

impl From<Hex> for String {
    fn from(Hex(bytes): Hex) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
    }
}

/// Without the line that JSON counts: it is always 1 and would read as the file's.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (line, column) = (error.line(), error.column());
    match text.strip_suffix(&format!(" at line {line} column {column}")) {
        Some(what) => format!("{what} (column {column})"),
        None => text,
    }
}
