//! The answer to one SYNC while the queue is read.

use alloc::vec::Vec;

use super::bounds::SyncBounds;
use super::reader::{Reader, RowMessage, RowView};
use super::row::SyncRow;
use super::stored::StoredMessage;
use crate::dialect::Dialect;
use crate::id::{Account, MsgId, StoreId};
use crate::message::{Body, Message};
use crate::wire::{FrameLimit, Header, Layout, Version, check_body_len};

/// The answer to a [`SyncRequest`](crate::SyncRequest) while the queue is read (S2, S12).
///
/// In the dialect that the connection has when it begins (D1.7). In [`Dialect::V2`] the rows are
/// held until the end, since SYNC_BEGIN carries the key of SYNC_END (D4.5): no more than the
/// [`SyncBounds`] and one message. Otherwise each is written when it is given.
#[derive(Debug)]
#[must_use = "a client waits for its SYNC_END"]
pub struct SyncAnswer {
    reader: Reader,
    bounds: SyncBounds,
    after: MsgId,
    store_id: StoreId,
    rows: usize,
    bytes: usize,
    has_begun: bool,
    goes_on: bool,
    held: Vec<StoredMessage>,
}

impl SyncAnswer {
    pub(crate) const fn new(reader: Reader, bounds: SyncBounds, after: MsgId) -> Self {
        Self {
            reader,
            bounds,
            after,
            store_id: StoreId(0),
            rows: 0,
            bytes: 0,
            has_begun: false,
            goes_on: false,
            held: Vec::new(),
        }
    }

    /// Where the next page begins: it has the rows with greater msgids, oldest first, as many as
    /// the host likes. `None` when the answer is full and the queue goes on: finish it.
    ///
    /// When the bounds are reached, one more row is asked for: given, it comes back as
    /// [`SyncRow::Full`] and tells that the queue goes on.
    #[must_use]
    pub const fn after(&self) -> Option<MsgId> {
        if self.goes_on { None } else { Some(self.after) }
    }

    /// What is missing until the answer is full (S12.1): how much of the queue is worth reading at
    /// once. Nothing where it is full; [`after`](Self::after) then asks for one more row, to learn
    /// whether the queue goes on.
    #[must_use]
    pub const fn room(&self) -> SyncBounds {
        let SyncBounds { rows, bytes } = self.bounds.at_least_one();
        SyncBounds { rows: rows.saturating_sub(self.rows), bytes: bytes.saturating_sub(self.bytes) }
    }

    /// Whether SYNC_BEGIN is written: from then on, what the client has sent behind its SYNC may be
    /// answered between the rows (S11.2). What others send may be written at any time. In
    /// [`Dialect::V2`] nothing of the answer is written before it ends (D4.5).
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whose queue is read.
    #[must_use]
    pub const fn queue(&self) -> Account {
        self.reader.identity.account()
    }

    /// The shop of the rows that follow. It matters where a CUSTOMER_V2, which has none, goes to a
    /// client of version 1; without it that is 0 (D2.4).
    pub const fn set_store(&mut self, store_id: StoreId) {
        self.store_id = store_id;
    }

    /// Whether the newest msgid of the queue matters: nothing came after the key that the client
    /// asked for, which may lie beyond the end of the queue (D4.6). A host that does not say it
    /// leaves such a client where it is.
    #[must_use]
    pub const fn wants_newest(&self) -> bool {
        !matches!(self.reader.dialect, Dialect::V1) && self.rows == 0 && self.after.0 > 0
    }

    /// The newest msgid of the queue, 0 where it is empty. A client that is beyond it, as after a
    /// restore, comes back to it.
    pub fn set_newest(&mut self, newest: MsgId) {
        if self.wants_newest() && newest > MsgId(0) {
            self.after = self.after.min(newest);
        }
    }

    /// SYNC_BEGIN (S2.2), if it is time for it: in version 1 at once, in version 2 at the end
    /// (D4.5), and as sent once it is known that the client is not beyond the end (D4.6).
    pub(crate) fn begin_at(&self, time: Time) -> Option<Message> {
        let due = match self.reader.dialect {
            Dialect::V1 => Time::Start,
            Dialect::AsSent => Time::Row,
            Dialect::V2 => Time::End,
        };
        if self.has_begun || time < due {
            return None;
        }
        Some(Body::SyncBegin(self.after).into())
    }

    /// SYNC_BEGIN is written.
    pub(crate) const fn set_begun(&mut self) {
        self.has_begun = true;
    }

    /// Whether rows are held until the end (D4.5).
    pub(crate) const fn holds(&self) -> bool {
        matches!(self.reader.dialect, Dialect::V2)
    }

    /// What a row with this msgid is without looking at it, if that is known.
    pub(crate) fn passes_over(&mut self, msgid: MsgId) -> Option<SyncRow> {
        // S2.3: no copy is sent twice.
        if msgid <= self.after {
            return Some(SyncRow::LeftOut);
        }
        // S12.1
        let room = self.room();
        if room.rows == 0 || room.bytes == 0 {
            self.goes_on = true;
            return Some(SyncRow::Full);
        }
        None
    }

    /// What the client gets of the row, for a connection with this limit.
    pub(crate) fn view<'r>(&self, row: &'r StoredMessage, limit: FrameLimit) -> RowView<'r> {
        let view = self.reader.view(row, self.store_id);
        // D4.9
        let length = view.message.as_ref().map_or(0, |message| message.body_len(Version(0)));
        match check_body_len(length, limit) {
            Ok(_) => view,
            Err(_) => RowView { message: None, row: SyncRow::TooLong { length, limit } },
        }
    }

    /// The row has been dealt with. S2.7, S12.2: whether it was left out or not.
    pub(crate) fn pass(&mut self, row: StoredMessage, verdict: SyncRow) {
        self.after = row.msgid;
        self.rows = self.rows.saturating_add(1);
        if verdict == SyncRow::Taken {
            self.bytes = self.bytes.saturating_add(Header::LEN).saturating_add(row.body.len());
            if self.holds() {
                self.held.push(row);
            }
        }
    }

    /// The rows that were held, as they are written.
    pub(crate) fn held(&self) -> impl Iterator<Item = RowMessage<'_>> {
        self.held.iter().filter_map(|row| self.reader.view(row, self.store_id).message)
    }

    /// SYNC_END (S2.4).
    pub(crate) fn end_message(&self) -> Message {
        Body::SyncEnd(self.after).into()
    }

    /// The key of SYNC_END (S2.4): the newest row, those left out included, or the key that the
    /// answer began with. And what makes the client ask for the rest, if there is one (S12.3).
    pub(crate) fn finish(self) -> (MsgId, Option<Message>) {
        let next = MsgId(self.after.0.saturating_add(1));
        (self.after, self.goes_on.then(|| Body::SyncNotify(next).into()))
    }
}

/// How far an answer is.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Time {
    Start,
    /// A row is about to be dealt with.
    Row,
    End,
}
