//! The answer to one SYNC: what a queue holds for one device (S2, S6).

use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::delivery::SaveMessage;
use crate::id::{Account, AppId, DeviceId, MsgId};
use crate::identity::Identity;
use crate::message::{Body, Message, Parsed};
use crate::wire::{Command, DecodeError, Frame, Head, Layout};

/// A client asks for what its queue holds after a sync key (S2).
///
/// [`Online::begin_sync`](crate::Online::begin_sync) begins the answer. The queue is read in pages,
/// so that a queue of a million messages is never in memory as a whole:
///
/// ```
/// # use kefu_proto::{Account, EncodeError, MsgId, Online, StoredMessage, SyncRequest};
/// # fn answer(
/// #     mut online: Online, out: &mut Vec<u8>, request: SyncRequest,
/// #     kept_key: impl Fn(Account) -> MsgId, page: impl Fn(Account, MsgId) -> Vec<StoredMessage>,
/// # ) -> Result<(), EncodeError> {
/// let queue = request.queue();
/// let kept = if request.wants_kept_key() { kept_key(queue) } else { MsgId(0) };
/// let mut answer = online.begin_sync(request, kept, out)?;
/// while let Some(after) = answer.after() {
///     let rows = page(queue, after); // some rows with greater msgids, oldest first
///     if rows.is_empty() {
///         break;
///     }
///     for row in rows {
///         online.sync_row(&mut answer, row, out)?;
///     }
/// }
/// online.finish_sync(answer, out)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a client waits for its SYNC_END"]
pub struct SyncRequest {
    reader: Reader,
    asked: MsgId,
}

impl SyncRequest {
    pub(crate) const fn new(identity: Identity, kefu_appid: AppId, asked: MsgId) -> Self {
        Self { reader: Reader { identity, kefu_appid }, asked }
    }

    /// Whose queue is to be read.
    #[must_use]
    pub const fn queue(&self) -> Account {
        self.reader.identity.account()
    }

    /// Whether the client leaves it to the server where to begin (S2.1): at the key that the server
    /// has kept for this user, or at 0 where it has kept none.
    #[must_use]
    pub const fn wants_kept_key(&self) -> bool {
        self.asked.0 == 0
    }

    /// SYNC_BEGIN (S2.2), to be written first, and the answer that it begins.
    pub(crate) fn begin(self, kept: MsgId) -> (Message, SyncAnswer) {
        let after = if self.wants_kept_key() { kept } else { self.asked };
        (Body::SyncBegin(after).into(), SyncAnswer { reader: self.reader, after })
    }
}

/// The answer to a [`SyncRequest`] while the queue is read (S2).
#[derive(Debug)]
#[must_use = "a client waits for its SYNC_END"]
pub struct SyncAnswer {
    reader: Reader,
    after: MsgId,
}

impl SyncAnswer {
    /// Where the next page begins: it has the rows with greater msgids, oldest first, as many as
    /// the host likes.
    ///
    /// `None` when the answer is full: finish it. In this version of the protocol it never is.
    #[must_use]
    pub const fn after(&self) -> Option<MsgId> {
        Some(self.after)
    }

    /// Whose queue is read.
    #[must_use]
    pub const fn queue(&self) -> Account {
        self.reader.identity.account()
    }

    /// Whether the row is to be sent: not what this device has sent itself (S2.5, S2.6), nor what
    /// is not after [`after`](Self::after), so that no copy is sent twice (S2.3).
    pub(crate) fn sends(&self, row: &StoredMessage) -> bool {
        row.msgid > self.after && !self.reader.has_sent(row)
    }

    /// The row has been dealt with. S2.7: whether it was left out or not.
    pub(crate) fn pass(&mut self, msgid: MsgId) {
        self.after = self.after.max(msgid);
    }

    /// SYNC_END (S2.4), to be written last. It carries the msgid of the newest row, those left out
    /// included, or the key that the answer began with.
    pub(crate) fn end(self) -> Message {
        Body::SyncEnd(self.after).into()
    }
}

/// What became of a row of the queue.
///
/// Non-exhaustive: a later version of the protocol bounds an answer. A host may ignore it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyncRow {
    /// It is part of the answer.
    Taken,
    /// It is not: this device has sent it, or its msgid is not after the current position.
    LeftOut,
}

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

/// The device that a queue is read for.
#[derive(Clone, Copy, Debug)]
struct Reader {
    identity: Identity,
    kefu_appid: AppId,
}

impl Reader {
    /// Whether this device sent the row. Rows that are no chat messages have no sender.
    fn has_sent(self, row: &StoredMessage) -> bool {
        let Account { appid, uid } = self.identity.account();
        // S2.8: 0 is a device, too.
        if row.device_id != self.identity.device_id() {
            return false;
        }
        let Ok(Parsed::Message(message)) = row.parse() else { return false };
        match message.body {
            // S2.5
            Body::Customer(chat) => chat.customer_appid == appid && chat.customer_id == uid,
            // S2.6
            Body::CustomerSupport(chat) => self.kefu_appid == appid && chat.seller_id == uid,
            _ => false,
        }
    }
}
