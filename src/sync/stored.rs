//! One row of a queue.

use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::delivery::SaveMessage;
use crate::id::{DeviceId, MsgId};
use crate::message::Parsed;
use crate::wire::{Command, DecodeError, Frame, Head, Layout};

/// One copy of a message as a queue holds it (H10.1): a row of the store.
///
/// `Debug` shows the length of the body, never its bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct StoredMessage {
    /// The id of the copy in its queue.
    pub msgid: MsgId,
    /// The sending device, from
    /// [`SaveMessage::device_id`](crate::SaveMessage::device_id).
    pub device_id: DeviceId,
    /// What the body is.
    pub command: Command,
    /// The body as it was stored.
    pub body: Bytes,
}

impl StoredMessage {
    /// The row that a host stores for `save` under `msgid`. The body is a copy, which no longer
    /// shares the memory of the read buffer.
    #[must_use]
    pub fn new(save: SaveMessage<'_>, msgid: MsgId) -> Self {
        let message = save.message();
        let Head { command, version, .. } = message.head();
        let mut body = BytesMut::with_capacity(message.body_len(version));
        message.put_body(version, &mut body);
        Self { msgid, device_id: save.device_id(), command, body: body.freeze() }
    }

    /// The message in the row, for a host that looks into what it has stored. It has a number, a
    /// version and flags of 0, which are not stored.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the body does not fit the command (W5).
    pub fn parse(&self) -> Result<Parsed, DecodeError> {
        Frame::new(self.command, self.body.clone()).parse()
    }
}

impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMessage")
            .field("msgid", &self.msgid)
            .field("device_id", &self.device_id)
            .field("command", &self.command)
            .field("body_len", &self.body.len())
            .finish()
    }
}
