//! Which frames a connection writes of a message, written without the crate (D3, W3.7).

use kefu_proto::{Body, Command, Dialect, Flags, Metadata, Version};

use crate::{chat, reference};

/// A frame but for its number and version.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) command: Command,
    pub(crate) flags: Flags,
    pub(crate) body: Vec<u8>,
}

/// A message before its connection is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) flags: Flags,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Body(Body),
    /// A body that nobody has read.
    Bytes(Command, Vec<u8>),
}

impl From<Body> for Outgoing {
    fn from(body: Body) -> Self {
        Self { metadata: None, flags: Flags::NONE, what: What::Body(body) }
    }
}

impl Outgoing {
    pub(crate) fn is_notify(&self) -> bool {
        self.command() == Command::SYNC_NOTIFY
    }

    pub(crate) fn command(&self) -> Command {
        match &self.what {
            What::Body(body) => body.command(),
            What::Bytes(command, _) => *command,
        }
    }

    /// What a connection of this dialect and version writes.
    pub(crate) fn frames(&self, dialect: Dialect, version: Version) -> Vec<Raw> {
        let raw = self.raw(version);
        let is_v1 = dialect == Dialect::V1;
        match (self.metadata, raw.command.0) {
            (_, 5) if version.0 < 2 && self.status() != 0 => vec![],
            (Some(_), 64) if is_v1 => vec![],
            (Some(metadata), _) if !is_v1 => vec![metadata_raw(metadata), raw],
            (None, 37) => vec![],
            (None, 24 | 25 | 64) => translated(dialect, raw),
            _ => vec![raw],
        }
    }

    pub(crate) fn raw(&self, version: Version) -> Raw {
        let body = match &self.what {
            What::Body(body) => reference::body_bytes(body, version),
            What::Bytes(_, bytes) => bytes.clone(),
        };
        Raw { command: self.command(), flags: self.flags, body }
    }

    fn status(&self) -> i8 {
        match &self.what {
            What::Body(Body::Ack(ack)) => ack.status.0,
            What::Bytes(_, bytes) => bytes.get(4).map_or(0, |&byte| i8::from_be_bytes([byte])),
            What::Body(_) => 0,
        }
    }
}

fn metadata_raw(metadata: Metadata) -> Raw {
    let body = reference::metadata_bytes(metadata);
    Raw { command: Command::METADATA, flags: Flags::NONE, body }
}

fn translated(dialect: Dialect, raw: Raw) -> Vec<Raw> {
    let Raw { command, flags, body } = raw;
    let Some((form, body)) = chat::in_dialect(dialect, command.0, &body, 0) else { return vec![] };
    // D3.4: less SELF, PUSH and SUPER_GROUP.
    let flags = if form == command.0 { flags } else { Flags(flags.0 & 0xc7) };
    vec![Raw { command: Command(form), flags, body }]
}
