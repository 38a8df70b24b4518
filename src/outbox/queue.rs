//! What gives way for what.

use core::fmt;

use super::bounds::OutboxBounds;
use super::buffer::Buffer;
use super::pushed::{LeftOut, Pushed};
use crate::id::MsgId;
use crate::outbound::{Outbound, OwnedOutbound};

/// What waits for one connection: what others send to it, until it is written (S13).
///
/// A client that reads slowly, or not at all, costs a bounded amount of memory, and what waits for
/// it is never a reason to close its connection. Instead, messages give way:
///
/// | message | gives way |
/// |---|---|
/// | SYNC_NOTIFY | to a newer one: at most one waits, the one with the greatest msgid, and it always fits (S13.2) |
/// | a live copy | when it does not fit, with its METADATA; and while one has been left out and no SYNC_NOTIFY has gone out since (S13.3) |
/// | an unpersistent message | when it does not fit (S13.4) |
/// | an ACK | never (S13.5) |
///
/// So the client always learns where its queue ends, and reads there what was left out. ACKs are
/// answers to what the host has read from this client: it bounds them by reading no more while it
/// has many messages of a client in flight. A host normally writes them directly.
///
/// It is pure data. A host puts it behind a lock beside whatever wakes the connection, and writes
/// what comes out with [`Online::write`](crate::Online::write):
///
/// ```
/// use kefu_proto::{MsgId, Outbound, Outbox, OutboxBounds, Pushed};
///
/// let notify = |msgid| Outbound::SyncNotify(MsgId(msgid)).into_owned();
/// let mut outbox = Outbox::new(OutboxBounds::default());
/// assert_eq!(outbox.push(notify(7)), Pushed::Kept);
/// assert_eq!(outbox.push(notify(8)), Pushed::Merged);
///
/// // When the socket takes more:
/// assert_eq!(outbox.pop(), Some(notify(8)));
/// assert_eq!(outbox.pop(), None);
/// ```
///
/// An empty outbox holds no allocation. `Debug` shows how much waits, never what.
#[derive(Default)]
pub struct Outbox {
    bounds: OutboxBounds,
    /// All but the SYNC_NOTIFY.
    others: Buffer,
    notify: Option<Notify>,
    /// How many of the others there are up to the last live copy.
    until_last_copy: usize,
    /// A live copy has been left out, and no SYNC_NOTIFY has gone out since.
    has_gap: bool,
}

/// The SYNC_NOTIFY that waits.
struct Notify {
    msgid: MsgId,
    /// How many of the others go before it.
    ahead: usize,
    /// How many have gone before it since there is one.
    passed: usize,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub const fn new(bounds: OutboxBounds) -> Self {
        Self { bounds, others: Buffer::new(), notify: None, until_last_copy: 0, has_gap: false }
    }

    /// Adds a message, unless it gives way. Never fails, never blocks.
    ///
    /// The content of a message that waits behind others is copied, so that it does not keep the
    /// read buffer of its sender in memory.
    pub fn push(&mut self, message: OwnedOutbound) -> Pushed {
        match message.get() {
            Outbound::SyncNotify(msgid) => self.push_notify(msgid),
            Outbound::LiveCopy(_) => self.push_copy(message),
            // S13.4
            Outbound::Chat(_) if !self.fits(&message) => Pushed::LeftOut(LeftOut::Unpersistent),
            // S13.5
            Outbound::Chat(_) | Outbound::Ack(_) | Outbound::LiveAck(_) => {
                self.others.push(message);
                Pushed::Kept
            }
        }
    }

    /// Takes the next message to write: the oldest (S13.1), but for a SYNC_NOTIFY that has given
    /// way to a newer one.
    pub fn pop(&mut self) -> Option<OwnedOutbound> {
        if let Some(Notify { msgid, .. }) = self.notify.take_if(|notify| notify.ahead == 0) {
            self.has_gap = false;
            return Some(Outbound::SyncNotify(msgid).into_owned());
        }
        let message = self.others.pop()?;
        self.until_last_copy = self.until_last_copy.saturating_sub(1);
        if let Some(notify) = &mut self.notify {
            notify.ahead = notify.ahead.saturating_sub(1);
            notify.passed = notify.passed.saturating_add(1);
        }
        Some(message)
    }

    /// How many messages wait. A live copy and its METADATA are one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.others.len().saturating_add(usize::from(self.notify.is_some()))
    }

    /// How many bytes the messages take in memory: each has a fixed size and its content. The
    /// SYNC_NOTIFY takes none beside the outbox itself.
    ///
    /// Not counted are spare places, up to three for each message, and that of the first two
    /// messages the content may be a part of a larger buffer.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.others.bytes()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// S13.2: the greatest msgid stays, behind the live copies that it stands for.
    fn push_notify(&mut self, msgid: MsgId) -> Pushed {
        match &mut self.notify {
            Some(notify) => {
                notify.msgid = notify.msgid.max(msgid);
                notify.ahead = notify.ahead.max(self.until_last_copy);
                Pushed::Merged
            }
            none @ None => {
                *none = Some(Notify { msgid, ahead: self.others.len(), passed: 0 });
                Pushed::Kept
            }
        }
    }

    /// S13.3: behind a gap the client would drop it.
    fn push_copy(&mut self, copy: OwnedOutbound) -> Pushed {
        // Live copies that keep coming must not put the SYNC_NOTIFY off for ever.
        let is_late = |notify: &Notify| notify.passed >= self.bounds.messages;
        if self.has_gap || self.notify.as_ref().is_some_and(is_late) || !self.fits(&copy) {
            self.has_gap = true;
            return Pushed::LeftOut(LeftOut::LiveCopy);
        }
        self.others.push(copy);
        self.until_last_copy = self.others.len();
        Pushed::Kept
    }

    fn fits(&self, message: &OwnedOutbound) -> bool {
        self.others.len() < self.bounds.messages
            && self.others.bytes_with(message) <= self.bounds.bytes
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("bounds", &self.bounds)
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
