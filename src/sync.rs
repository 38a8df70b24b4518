//! S2, S6: what a queue has to say to one device.

use core::fmt;

use bytes::Bytes;

use crate::message::unnumbered;
use crate::{Account, AppId, Body, Command, DeviceId, Flags, Frame, Identity, Incoming, Message};
use crate::{MsgId, Seq, Version};

/// A client asks for what its queue holds after a sync key (S2).
///
/// The queue is read in pages, so that a queue of a million messages never sits in memory:
///
/// ```
/// # use kefu_proto::{EncodeError, MsgId, Online, StoredMessage, SyncRequest};
/// # fn answer(
/// #     mut online: Online, out: &mut Vec<u8>, request: SyncRequest,
/// #     kept_key: impl Fn() -> MsgId, page_after: impl Fn(MsgId) -> Vec<StoredMessage>,
/// # ) -> Result<(), EncodeError> {
/// let kept = if request.wants_kept_key() { kept_key() } else { MsgId(0) };
/// let (begin, mut pages) = request.begin(kept);
/// online.write(&begin, out)?;
/// loop {
///     let page = page_after(pages.after()); // some rows with greater msgids, oldest first
///     if page.is_empty() {
///         break;
///     }
///     for row in page {
///         if let Some(frame) = pages.row(row) {
///             online.write(&frame, out)?;
///         }
///     }
/// }
/// online.write(&pages.end(), out)?;
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

    /// Whether the client leaves it to the server where to begin (S2.1): at the key that the server has kept for this user, or 0
    /// where it has kept none.
    #[must_use]
    pub const fn wants_kept_key(&self) -> bool {
        self.asked.0 == 0
    }

    /// Begins: SYNC_BEGIN (S2.2), to be written first, and the state of reading the queue. `kept` is the key that the server has kept
    /// for this user; it matters only if [`wants_kept_key`](Self::wants_kept_key).
    pub fn begin(self, kept: MsgId) -> (Message, SyncPages) {
        let after = if self.wants_kept_key() { kept } else { self.asked };
        (unnumbered(Body::SyncBegin(after)), SyncPages { reader: self.reader, after })
    }
}

/// A queue while it is being read for one device (S2).
#[derive(Debug)]
#[must_use = "a client waits for its SYNC_END"]
pub struct SyncPages {
    reader: Reader,
    after: MsgId,
}

impl SyncPages {
    /// The next row. `None` if it is left out: the user has sent it from this very device, or it is not after
    /// [`after`](Self::after) and so has had its turn.
    ///
    /// The frame has flags 0, since flags are not stored (S6.1).
    pub fn row(&mut self, row: StoredMessage) -> Option<Frame> {
        // S2.3: in order, and none twice.
        if row.msgid <= self.after {
            return None;
        }
        // S2.7: whether it is left out or not.
        self.after = row.msgid;
        let StoredMessage { device_id, command, body, .. } = row;
        let frame = Frame { seq: Seq(0), command, version: Version(0), flags: Flags::NONE, body };
        // S2.8: 0 is a device, too.
        let own = device_id == self.reader.identity.device_id() && self.reader.sent(&frame);
        (!own).then_some(frame)
    }

    /// Where the next page begins: it has the rows with greater msgids, oldest first, as many as the host likes.
    #[must_use]
    pub const fn after(&self) -> MsgId {
        self.after
    }

    /// The queue has no more rows: SYNC_END, to be written last (S2.4). It carries the msgid of the newest row, those left out
    /// included, or the key that the reading began with.
    #[must_use]
    pub fn end(self) -> Message {
        unnumbered(Body::SyncEnd(self.after))
    }
}

/// One copy of a message as a queue holds it (H10.1).
///
/// `Debug` shows the length of the body, never its bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct StoredMessage {
    /// The number of the copy in its queue.
    pub msgid: MsgId,
    /// The device that it was sent from: [`SaveMessage::device_id`](crate::SaveMessage::device_id).
    pub device_id: DeviceId,
    /// What the body is.
    pub command: Command,
    /// The body as it was stored.
    pub body: Bytes,
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

/// For whom a queue is read.
#[derive(Clone, Copy, Debug)]
struct Reader {
    identity: Identity,
    kefu_appid: AppId,
}

impl Reader {
    /// Whether this user is the sender. What is no chat message was sent by nobody.
    fn sent(self, frame: &Frame) -> bool {
        let Account { appid, uid } = self.identity.account();
        let Ok(Incoming::Message(message)) = frame.clone().parse() else { return false };
        match message.body {
            // S2.5
            Body::Customer(chat) => chat.customer_appid == appid && chat.customer_id == uid,
            // S2.6
            Body::CustomerSupport(chat) => self.kefu_appid == appid && chat.seller_id == uid,
            _ => false,
        }
    }
}
