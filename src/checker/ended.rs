//! Where the answer to a SYNC ends (S2.4, S12.3, D4.5, D4.6).

use std::format;

use super::line::{Line, Session};
use super::queue::{Queue, Row};
use super::reading::{Reader, Reading};
use super::rows::{form, is_own};
use super::state::{State, Verdict};
use super::violation::Violation;
use crate::dialect::Dialect;

/// Whether a queue goes on behind an answer (S12.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum GoesOn {
    No,
    /// By a row that may have come since the answer ended.
    May,
    Must,
}

impl GoesOn {
    /// By the next row, where the answer has begun with the event `since`, or later.
    fn by(next: Option<&Row>, since: u64) -> Self {
        match next {
            None => Self::No,
            Some(row) if (since..).contains(&row.number) => Self::May,
            Some(_) => Self::Must,
        }
    }
}

impl State {
    /// SYNC_END is written.
    pub(super) fn ended(&mut self, line: &mut Line, session: &Session, end: i64) -> Verdict {
        let connection = line.id;
        let Some(reading) = line.reading.take() else {
            let what = format!("SYNC_END {end} on {connection} without SYNC_BEGIN");
            return Err(self.breaks("S2.2", what, &[]));
        };
        if reading.exact {
            let next = Some(end.saturating_add(1));
            match self.ends(line, session, &reading, end)? {
                GoesOn::No => {}
                GoesOn::May => line.may_go_on = next,
                GoesOn::Must => line.owed = next,
            }
        } else {
            self.ends_unseen(line, &reading, end)?;
        }
        line.synced = Some(end);
        // An answer without rows ends where it began, even if that is beyond the queue.
        if reading.begin != Some(end) {
            let queue = self.queue(session.account);
            queue.newest = queue.newest.max(end);
        }
        Ok(())
    }

    /// In one of the dialects it ends where it must.
    fn ends(
        &self,
        line: &Line,
        session: &Session,
        reading: &Reading,
        end: i64,
    ) -> Result<GoesOn, Violation> {
        let mut first = None;
        for reader in &reading.readers {
            match self.ends_here(session, (reading, line.answered_since), *reader, end) {
                Ok(goes_on) => return Ok(goes_on),
                Err((rule, what)) => first = first.or(Some((rule, what))),
            }
        }
        let (rule, what) = first.unwrap_or(("S2.4", "nobody reads it"));
        let what = format!("SYNC_END {end} on {}: {what}", line.id);
        Err(self.breaks(rule, what, &[reading.asked]))
    }

    /// The answer has begun with the event `since`, or later.
    fn ends_here(
        &self,
        session: &Session,
        (reading, since): (&Reading, u64),
        mut reader: Reader,
        end: i64,
    ) -> Result<GoesOn, (&'static str, &'static str)> {
        let queue = self.queue_of(session.account);
        self.passes_own(queue, session, &mut reader, end);
        let Some(place) = reader.next else {
            // All that came is older than what is remembered, or nothing has come.
            return Ok(GoesOn::by(queue.at(queue.after(end)), since));
        };
        let is_full = self.is_full(&reader) || self.terms.sync_bounds.is_none();
        let goes_on = GoesOn::by(queue.at(place).filter(|_| is_full && reader.rows > 0), since);
        if goes_on == GoesOn::No && end.max(0) < reading.due {
            return Err(("S2.3", "what was notified or acknowledged before is missing"));
        }
        let begin = reading.begin.unwrap_or(end);
        // D4.5, S2.2: as sent, only who is beyond the end is told so at the beginning.
        let says_end = match reader.dialect {
            Dialect::V1 => false,
            Dialect::V2 => true,
            Dialect::AsSent => reader.rows == 0,
        };
        if reader.dialect != Dialect::V1 && reading.said != if says_end { end } else { begin } {
            return Err(("D4.5", "SYNC_BEGIN had another key"));
        }
        let last = queue.before(place).map_or(begin, |row| row.msgid.max(begin));
        let comes_back = says_end && reader.rows == 0;
        if comes_back && Self::comes_back(queue, (begin, end), since)
            || end == last && !(comes_back && Self::is_beyond(queue, begin))
        {
            Ok(goes_on)
        } else {
            Err(("S2.4", "not where the answer has come to"))
        }
    }

    /// D4.6: the end is the newest row at some time since then, and the client was beyond it.
    fn comes_back(queue: &Queue, (begin, end): (i64, i64), since: u64) -> bool {
        (..begin).contains(&end) && queue.row(end).is_some() && end >= queue.newest_before(since)
    }

    /// D4.6: the client is beyond the newest row.
    fn is_beyond(queue: &Queue, begin: i64) -> bool {
        queue.last().is_some_and(|row| begin > row.msgid)
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
