//! A recorded case as its line says it.
//!
//! Unknown fields are errors, so that no demand of a case is overlooked. The numbers are plain
//! integers on purpose: what is expected must not depend on the types that are being tested.

mod body;
mod effect;
mod handler;
mod hex;
mod mark;
mod wire;
mod writer;

pub use body::Body;
pub use effect::{Effect, Keys, Meta, SaveResult};
pub use handler::{HandlerCase, Input, SessionOf};
pub use hex::Hex;
pub use mark::Mark;
pub use wire::{Decoded, Verdict, WireCase};
pub use writer::{Arrival, ConnectionOf, DeliverCase, LoginCase, QueueCase, Queued};
pub use writer::{Routed, Row, Step, Storage, SyncCase, Token};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

#[derive(Debug)]
pub enum Case {
    Handler(HandlerCase),
    Wire(WireCase),
    Queue(QueueCase),
    Login(LoginCase),
    Deliver(DeliverCase),
    Sync(SyncCase),
}

/// Which server was recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// That of 2018, which knows version 1.
    V1,
    /// That of 2025, which knows version 2.
    V2,
}

impl Case {
    /// Reads one line; the error is one line, too.
    pub fn parse(line: &str) -> Result<Self, String> {
        // The kind first: then an error can name the field.
        match read::<Fields>(line)? {
            Fields { kind: Some(kind), .. } => Self::of_writer(kind, line),
            Fields { input: Some(_), hex: None, .. } => read(line).map(Self::Handler),
            Fields { input: None, hex: Some(_), .. } => read(line).map(Self::Wire),
            Fields { input: Some(_), hex: Some(_), .. } => {
                Err("both `input` and `hex`: a handler case or a wire case?".to_owned())
            }
            Fields { input: None, hex: None, .. } => {
                Err("neither `kind` nor `input` nor `hex`: no case".to_owned())
            }
        }
    }

    fn of_writer(kind: writer::Kind, line: &str) -> Result<Self, String> {
        match kind {
            writer::Kind::Queue => read(line).map(Self::Queue),
            writer::Kind::Login => read(line).map(Self::Login),
            writer::Kind::Deliver => read(line).map(Self::Deliver),
            writer::Kind::Sync => read(line).map(Self::Sync),
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Handler(case) => &case.id,
            Self::Wire(case) => &case.id,
            Self::Queue(case) => &case.id,
            Self::Login(case) => &case.id,
            Self::Deliver(case) => &case.id,
            Self::Sync(case) => &case.id,
        }
    }

    pub fn marks(&self) -> &[Mark] {
        match self {
            Self::Handler(case) => &case.marks,
            Self::Wire(case) => &case.marks,
            Self::Queue(case) => &case.marks,
            Self::Login(case) => &case.marks,
            Self::Deliver(case) => &case.marks,
            Self::Sync(case) => &case.marks,
        }
    }
}

/// The fields that tell what kind of case it is.
#[derive(Deserialize)]
#[serde(expecting = "a case, which is an object")]
struct Fields {
    kind: Option<writer::Kind>,
    input: Option<IgnoredAny>,
    hex: Option<IgnoredAny>,
}

/// The command of a frame whose header is whole.
fn command_of(bytes: &[u8]) -> Option<u8> {
    let header: &[u8; 12] = bytes.first_chunk()?;
    Some(header[8])
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| describe(&error))
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
