//! Where the answer to a SYNC ends (S2.4, S12.3, D4.5, D4.6).

use std::format;

use super::event::ConnectionId;
use super::line::{Line, Session};
use super::queue::Queue;
use super::reading::{Reader, Reading};
use super::rows::{form, is_own};
use super::state::{State, Verdict};
use super::violation::Violation;
use crate::dialect::Dialect;

impl State {
    /// SYNC_END is written.
    pub(super) fn ended(&mut self, line: &mut Line, session: &Session, end: i64) -> Verdict {
        let connection = line.id;
        let Some(reading) = line.reading.take() else {
            let what = format!("SYNC_END {end} on {connection} without SYNC_BEGIN");
            return Err(self.breaks("S2.2", what, &[]));
        };
        if reading.exact {
            let goes_on = self.ends(connection, session, &reading, end)?;
            line.owed = goes_on.then(|| end.saturating_add(1));
        } else {
            self.ends_unseen(line, &reading, end)?;
        }
        line.synced = Some(end);
        let queue = self.queue(session.account);
        queue.newest = queue.newest.max(end);
        Ok(())
    }

    /// In one of the dialects it ends where it must. Returns whether the queue goes on.
    fn ends(
        &self,
        connection: ConnectionId,
        session: &Session,
        reading: &Reading,
        end: i64,
    ) -> Result<bool, Violation> {
        let mut first = None;
        for reader in &reading.readers {
            match self.ends_here(session, reading, *reader, end) {
                Ok(goes_on) => return Ok(goes_on),
                Err((rule, what)) => first = first.or(Some((rule, what))),
            }
        }
        let (rule, what) = first.unwrap_or(("S2.4", "nobody reads it"));
        let what = format!("SYNC_END {end} on {connection}: {what}");
        Err(self.breaks(rule, what, &[reading.asked]))
    }

    fn ends_here(
        &self,
        session: &Session,
        reading: &Reading,
        mut reader: Reader,
        end: i64,
    ) -> Result<bool, (&'static str, &'static str)> {
        let queue = self.queue_of(session.account);
        self.passes_own(queue, session, &mut reader, end);
        let newest = queue.last().map_or(0, |row| row.msgid);
        let place = match (reader.next, reading.begin) {
            (Some(place), _) => place,
            // All that came is older than what is remembered, or nothing has come.
            (None, Some(_)) => return Ok(end < queue.unknown),
            (None, None) => queue.after(end),
        };
        let is_full = self.is_full(&reader) || self.terms.sync_bounds.is_none();
        let goes_on = is_full && place < queue.end() && reader.rows > 0;
        if !goes_on && end.max(0) < reading.due {
            return Err(("S2.3", "what was notified or acknowledged before is missing"));
        }
        let begin = reading.begin.unwrap_or(end);
        let mut last = queue.before(place).map_or(begin, |row| row.msgid.max(begin));
        if reader.dialect != Dialect::V1 {
            // D4.6: who is beyond the end comes back.
            if reader.rows == 0 && begin > 0 && newest > 0 {
                last = last.min(newest);
            }
            // D4.5, S2.2: as sent, only who is beyond the end is told so at the beginning.
            let ends = reader.dialect == Dialect::V2 || reader.rows == 0;
            let key = if ends { end } else { begin };
            if reading.said != key {
                return Err(("D4.5", "SYNC_BEGIN had another key"));
            }
        }
        if end == last { Ok(goes_on) } else { Err(("S2.4", "not where the answer has come to")) }
    }

    /// Rows before the end that this device does not get.
    fn passes_own(&self, queue: &Queue, session: &Session, reader: &mut Reader, end: i64) {
        while let Some(row) = reader.next.and_then(|place| queue.at(place)) {
            let message = &self.ledger[row.message];
            let own = is_own(session, row, message) != Some(false);
            let out = Self::leaves_out(form(row, message), reader.dialect, self.kefu_app);
            if !own || !out || row.msgid > end || self.is_full(reader) {
                return;
            }
            reader.next = reader.next.map(|place| place + 1);
            reader.rows += 1;
        }
    }
}
