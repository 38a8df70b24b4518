//! The answer to a SYNC, row by row (S2.3, S2.5–S2.8, S12.1, D4).

use std::format;

use super::event::ConnectionId;
use super::form::{Form, Shop};
use super::ledger::Message;
use super::line::{Line, Session};
use super::queue::{Queue, Row};
use super::reading::{Reader, Reading};
use super::state::{State, Verdict};
use super::wire::{CHAT, Chat, HEADER, Head, command, command::CUSTOMER_V2, flag::SELF};
use super::wrote::name;
use crate::dialect::Dialect;

impl State {
    /// A stored message is written: the next one that this device gets.
    pub(super) fn synced(
        &mut self,
        line: &mut Line,
        session: &Session,
        reading: &mut Reading,
        frame: (Head, &Chat<'_>),
    ) -> Verdict {
        if reading.exact {
            self.reads(line.id, session, reading, frame)
        } else {
            self.reads_unseen(line, session, reading, frame)
        }
    }

    /// In each of the dialects that it may have begun in. Those that do not fit are out.
    fn reads(
        &mut self,
        connection: ConnectionId,
        session: &Session,
        reading: &mut Reading,
        frame: (Head, &Chat<'_>),
    ) -> Verdict {
        let mut first = None;
        let asked = reading.asked;
        let mut readers = core::mem::take(&mut reading.readers);
        readers.retain_mut(|reader| match self.reads_row(session, reader, frame) {
            Ok(()) => true,
            Err((rule, what)) => {
                let what = format!("{what}: {} on {connection}", name(frame.0));
                first = first.take().or_else(|| Some(self.breaks(rule, what, &[asked])));
                false
            }
        });
        reading.readers = readers;
        match first.filter(|_| reading.readers.is_empty()) {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    /// The next row that is not left out is this frame.
    fn reads_row(
        &self,
        session: &Session,
        reader: &mut Reader,
        (head, chat): (Head, &Chat<'_>),
    ) -> Result<(), (&'static str, &'static str)> {
        let queue = self.queue_of(session.account);
        loop {
            if self.is_full(reader) {
                return Err(("S12.1", "the answer is full"));
            }
            let place = reader.next.or_else(|| self.place_of(queue, chat));
            let Some(place) = place else {
                // Older than what is remembered.
                reader.rows += 1;
                reader.bytes += HEADER + CHAT + chat.content.len();
                return Ok(());
            };
            let Some(row) = queue.at(place) else {
                return Err(("S2.3", "a message too many"));
            };
            let message = &self.ledger[row.message];
            (reader.next, reader.rows) = (Some(place + 1), reader.rows + 1);
            let own = is_own(session, row, message);
            // With other parties it is found nowhere, but it is this row, in a wrong form.
            let same =
                row.content == chat.hash && self.find(chat).is_none_or(|(id, _)| id == row.message);
            let form = form(row, message);
            let leaves_out = Self::leaves_out(form, reader.dialect, self.kefu_app);
            if leaves_out && own != Some(false) {
                // S2.7, S12.2
                match (own, same && !self.comes_later(queue, place + 1, chat)) {
                    (Some(_), true) => return Err((own_rule(form), "its own message comes back")),
                    (None, true) => {}
                    _ => continue,
                }
            }
            reader.bytes += HEADER + CHAT + chat.content.len();
            return if same {
                self.is_row((row, form, own), reader.dialect, (head, chat))
            } else if self.find(chat).is_none() {
                Err(("W4.2", "a message that nobody has sent like this"))
            } else {
                Err(("S2.3", "a message that does not come next in the queue"))
            };
        }
    }

    /// A row is written as it must be.
    pub(super) fn is_row(
        &self,
        (row, form, own): (&Row, Form, Option<bool>),
        dialect: Dialect,
        (head, chat): (Head, &Chat<'_>),
    ) -> Result<(), (&'static str, &'static str)> {
        let fits = self.fits(form, dialect, (head, chat), false);
        fits.map_err(|rule| (rule, "a message in another form than its row"))?;
        if row.stamp != chat.stamp {
            return Err(("D2.5", "a message with another time than its row"));
        }
        // D4.2, D4.3: a CUSTOMER_V2 of this device says so.
        let is_marked = head.flags & SELF != 0;
        let must = own.map(|own| own && head.command == CUSTOMER_V2);
        if must.is_some_and(|must| must != is_marked) {
            return Err(("D4.3", "SELF is wrong"));
        }
        if head.flags & !SELF != 0 {
            return Err(("S6.1", "a synced message has other flags than SELF"));
        }
        Ok(())
    }

    /// S2.5, S2.6: whether a device does not get its own message in this dialect.
    pub(super) fn leaves_out(form: Form, dialect: Dialect, kefu_app: i64) -> bool {
        let any = |_, _| Shop::Any;
        form.translated(dialect, kefu_app, any).0.command != CUSTOMER_V2
    }

    /// Where in the queue a message stands.
    fn place_of(&self, queue: &Queue, chat: &Chat<'_>) -> Option<usize> {
        let (id, message) = self.find(chat)?;
        let mut places =
            message.msgids.map(|msgid| queue.after(msgid.saturating_sub(1))).into_iter();
        places.find(|place| queue.at(*place).is_some_and(|row| row.message == id))
    }

    fn comes_later(&self, queue: &Queue, from: usize, chat: &Chat<'_>) -> bool {
        let id = self.find(chat).map(|(id, _)| id);
        let mut rows = (from..queue.end()).filter_map(|place| queue.at(place));
        rows.any(|row| Some(row.message) == id)
    }

    /// S12.1: whether the bounds of an answer have been reached.
    pub(super) fn is_full(&self, reader: &Reader) -> bool {
        self.terms.sync_bounds.is_some_and(|bounds| {
            reader.rows >= bounds.rows.max(1) || reader.bytes >= bounds.bytes.max(1)
        })
    }
}

/// Whether this device has stored the row (S2.5, S2.6); `None` if that is not known.
pub(super) fn is_own(session: &Session, row: &Row, message: &Message) -> Option<bool> {
    if message.parties.sender != session.account {
        return Some(false);
    }
    row.device.map(|device| device == session.device)
}

/// The form in which a row was said.
pub(super) fn form(row: &Row, message: &Message) -> Form {
    let (sender, receiver) = (message.parties.sender, message.parties.receiver);
    let [a, b] = [sender.appid.0, sender.uid.0];
    let [c, d] = [receiver.appid.0, receiver.uid.0];
    let ids = match row.command {
        command::CUSTOMER => [a, b, row.store, d],
        command::CUSTOMER_SUPPORT => [c, d, row.store, b],
        _ => [a, b, c, d],
    };
    Form { command: row.command, flags: 0, ids }
}

pub(super) const fn own_rule(form: Form) -> &'static str {
    if form.command == command::CUSTOMER_SUPPORT { "S2.6" } else { "S2.5" }
}
