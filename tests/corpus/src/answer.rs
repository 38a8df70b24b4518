//! What the answer to a SYNC is, written without the crate (S2, S12, D4).

use kefu_proto::{Body, Command, DecodeError, Dialect, EncodeError, Flags, Identity, MsgId};
use kefu_proto::{StoredMessage, SyncBounds, SyncRow};

use crate::chat::{self, Said};
use crate::outbox::Outbox;
use crate::outgoing::Raw;

pub(crate) struct Answer {
    dialect: Dialect,
    identity: Identity,
    bounds: SyncBounds,
    after: MsgId,
    rows: usize,
    bytes: usize,
    has_begun: bool,
    goes_on: bool,
    held: Vec<Raw>,
    store_id: i64,
}

impl Answer {
    /// S2.1, S2.9: from `asked`, or where the last answer has ended, or from `kept`.
    pub(crate) fn begin(
        outbox: &mut Outbox,
        identity: Identity,
        bounds: SyncBounds,
        (asked, kept): (MsgId, MsgId),
    ) -> Result<Self, EncodeError> {
        let after = if asked.0 == 0 { outbox.synced.unwrap_or(kept) } else { asked };
        let mut answer = Self {
            dialect: outbox.dialect,
            identity,
            bounds,
            after,
            rows: 0,
            bytes: 0,
            has_begun: false,
            goes_on: false,
            held: vec![],
            store_id: 0,
        };
        if answer.dialect == Dialect::V1 {
            answer.write_begin(outbox)?;
        }
        (outbox.is_behind, outbox.has_copies) = (false, false);
        outbox.until_end = Some(vec![]);
        Ok(answer)
    }

    pub(crate) fn row(
        &mut self,
        outbox: &mut Outbox,
        row: &StoredMessage,
    ) -> Result<SyncRow, EncodeError> {
        if row.msgid <= self.after {
            return Ok(SyncRow::LeftOut);
        }
        let (rows, bytes) = (self.bounds.rows.max(1), self.bounds.bytes.max(1));
        if self.rows >= rows || self.bytes >= bytes {
            self.goes_on = true;
            return Ok(SyncRow::Full);
        }
        let (mut verdict, mut raw) = self.look(row);
        // D4.9
        let length = raw.as_ref().map_or(0, |raw| raw.body.len());
        if outbox.check_length(length).is_err() {
            verdict = SyncRow::TooLong { length, limit: outbox.limit };
            raw = None;
        }
        if self.dialect == Dialect::AsSent {
            self.write_begin(outbox)?;
        }
        if let Some(raw) = raw {
            match self.dialect {
                Dialect::V2 => self.held.push(raw),
                _ => outbox.expect_all(&[raw])?,
            }
            self.bytes += 12 + row.body.len();
        }
        self.after = row.msgid;
        self.rows += 1;
        Ok(verdict)
    }

    /// D4: what the client gets of a row.
    fn look(&self, row: &StoredMessage) -> (SyncRow, Option<Raw>) {
        let StoredMessage { command, body, .. } = row;
        match command.0 {
            24 | 25 | 64 => {}
            37 => return (SyncRow::LeftOut, None),
            _ => return taken(*command, Flags::NONE, body.to_vec()),
        }
        let Some(said) = Said::read(command.0, body) else {
            let (command, needed, actual) = (*command, 36, body.len());
            let too_short = DecodeError::TooShort { command, needed, actual };
            return (SyncRow::Unreadable(too_short), None);
        };
        let is_own =
            (said.sender, row.device_id) == (self.identity.account(), self.identity.device_id());
        let (form, body) = chat::in_dialect(self.dialect, command.0, body, self.store_id).unwrap();
        match (form, is_own) {
            // D4.3: SELF.
            (64, true) => taken(Command(form), Flags(8), body),
            (_, true) => (SyncRow::LeftOut, None),
            (_, false) => taken(Command(form), Flags::NONE, body),
        }
    }

    /// D4.6: what follows a key beyond the end of the queue.
    pub(crate) fn set_newest(&mut self, newest: MsgId) {
        if self.wants_newest() && newest.0 > 0 {
            self.after = self.after.min(newest);
        }
    }

    pub(crate) fn wants_newest(&self) -> bool {
        self.dialect != Dialect::V1 && self.rows == 0 && self.after.0 > 0
    }

    pub(crate) fn set_store(&mut self, store_id: i64) {
        self.store_id = store_id;
    }

    /// S12.1: what the bounds leave.
    pub(crate) fn room(&self) -> SyncBounds {
        let (rows, bytes) = (self.bounds.rows.max(1), self.bounds.bytes.max(1));
        SyncBounds { rows: rows.saturating_sub(self.rows), bytes: bytes.saturating_sub(self.bytes) }
    }

    pub(crate) fn after(&self) -> Option<MsgId> {
        (!self.goes_on).then_some(self.after)
    }

    pub(crate) fn finish(mut self, outbox: &mut Outbox) -> Result<(), EncodeError> {
        self.write_begin(outbox)?;
        for raw in &self.held {
            outbox.expect_all(std::slice::from_ref(raw))?;
        }
        outbox.expect(&Body::SyncEnd(self.after).into())?;
        outbox.synced = Some(self.after);
        if self.goes_on {
            let next = MsgId(self.after.0.saturating_add(1));
            outbox.expect(&Body::SyncNotify(next).into())?;
            outbox.is_behind = !outbox.has_copies;
        }
        // S12.6, S13.2
        let waiting = outbox.until_end.take().unwrap().into_iter().max();
        match waiting.filter(|_| !outbox.is_behind) {
            Some(key) => outbox.expect(&Body::SyncNotify(key).into()),
            None => Ok(()),
        }
    }

    fn write_begin(&mut self, outbox: &mut Outbox) -> Result<(), EncodeError> {
        if !self.has_begun {
            outbox.expect(&Body::SyncBegin(self.after).into())?;
            self.has_begun = true;
        }
        Ok(())
    }
}

fn taken(command: Command, flags: Flags, body: Vec<u8>) -> (SyncRow, Option<Raw>) {
    (SyncRow::Taken, Some(Raw { command, flags, body }))
}
