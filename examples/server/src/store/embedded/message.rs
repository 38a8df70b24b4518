//! Inserting messages: the hot path.

use kefu_proto::{Account, Appended, Copies, MsgId, Saves};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result};

use crate::store::embedded::mark::{Known, Mark};
use crate::store::embedded::newest::{Newest, before};
use crate::store::embedded::options::Options;
use crate::store::embedded::row::{bind_message, message_columns};
use crate::uuid;

/// Numbers messages and finds repeats. One counter serves all queues, so ids grow in each.
#[derive(Debug)]
pub(super) struct Messages {
    last: i64,
    last_committed: i64,
    known: Known,
    newest: Newest,
}

impl Messages {
    /// Continues after the last stored message, and after the msgid `options.after`.
    pub(super) fn open(db: &Connection, options: &Options) -> Result<Self> {
        let Options { marks, queues, after, .. } = *options;
        let last: i64 =
            db.query_one("SELECT ifnull(max(n), 0) FROM message", [], |row| row.get(0))?;
        // Message `n` has the ids `2n - 1` and `2n`.
        let last = last.max(after.0 / 2 + after.0 % 2);
        let (known, newest) = (Known::new(marks), Newest::new(queues));
        Ok(Self { last, last_committed: last, known, newest })
    }

    /// The transaction is committed.
    pub(super) fn commit(&mut self) {
        self.last_committed = self.last;
        self.known.commit();
    }

    /// The transaction is rolled back.
    pub(super) fn roll_back(&mut self) {
        self.last = self.last_committed;
        self.known.roll_back();
        self.newest.clear();
    }

    pub(super) fn inserts<'s>(&'s mut self, db: &'s Connection) -> Result<Inserts<'s>> {
        Ok(Inserts {
            messages: self,
            db,
            message: db.prepare_cached(concat!(
                "INSERT INTO message (n, device_id, ",
                message_columns!(),
                ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ))?,
            // OR FAIL: SQLite need not journal pages to undo the first row alone. A failure rolls
            // back the whole transaction anyway.
            copies: db.prepare_cached(
                "INSERT OR FAIL INTO queue (appid, uid, msgid, mark)
                VALUES (?, ?, ?, NULL), (?, ?, ?, ?)",
            )?,
        })
    }
}

/// The statements of one transaction.
pub(super) struct Inserts<'s> {
    messages: &'s mut Messages,
    db: &'s Connection,
    message: CachedStatement<'s>,
    copies: CachedStatement<'s>,
}

impl Inserts<'_> {
    /// Returns what is known of both copies, and whether the message was stored already.
    pub(super) fn store(&mut self, saves: &Saves, mark: Option<Mark>) -> Result<(Copies, bool)> {
        let n = self.messages.last.saturating_add(1);
        if let Some(mark) = mark
            && let Some(first) = self.first(saves, mark, n)?
        {
            return Ok((self.repeated(saves, first)?, true));
        }
        let [to_receiver, to_sender] = saves.requests();
        self.message.raw_bind_parameter(1, n)?;
        self.message.raw_bind_parameter(2, to_sender.device_id().0)?;
        bind_message(&mut self.message, 3, saves.message())?;
        self.message.raw_execute()?;
        for (parameter, copy, msgid) in [(1, to_receiver, receivers(n)), (4, to_sender, senders(n))]
        {
            self.copies.raw_bind_parameter(parameter, copy.queue().appid.0)?;
            self.copies.raw_bind_parameter(parameter + 1, copy.queue().uid.0)?;
            self.copies.raw_bind_parameter(parameter + 2, msgid.0)?;
        }
        self.copies.raw_bind_parameter(7, mark)?;
        self.copies.raw_execute()?;
        self.messages.last = n;
        // In this order: both may be in one queue.
        let receiver = self.appended(saves.receiver(), receivers(n))?;
        let sender = self.appended(saves.sender(), senders(n))?;
        Ok((Copies { receiver, sender }, false))
    }

    /// The answer for a copy that has just been inserted.
    fn appended(&mut self, queue: Account, msgid: MsgId) -> Result<Appended> {
        let previous = match self.messages.newest.replace(queue, msgid) {
            Some(previous) => previous,
            None => before(self.db, queue, msgid)?,
        };
        Ok(Appended { msgid, previous: Some(previous) })
    }

    /// The answer for a repeat of message `n`. Nothing is ever removed from a queue, so what was
    /// before its copies then still is.
    fn repeated(&self, saves: &Saves, n: i64) -> Result<Copies> {
        let answer = |queue, msgid| {
            let before = before(self.db, queue, msgid);
            before.map(|before| Appended { msgid, previous: Some(before) })
        };
        Ok(Copies {
            receiver: answer(saves.receiver(), receivers(n))?,
            sender: answer(saves.sender(), senders(n))?,
        })
    }

    /// The message that this one repeats, whatever its command (S10). Of two messages that share a
    /// mark only the first is recognised: the other is stored again, as if it had no uuid.
    fn first(&mut self, saves: &Saves, mark: Mark, n: i64) -> Result<Option<i64>> {
        let known = self.messages.known.first(self.db, saves.sender(), mark, n)?;
        let Some(first) = known else {
            return Ok(None);
        };
        let mut select = self.db.prepare_cached(
            "SELECT m.content FROM queue q CROSS JOIN message m ON m.n = (q.msgid + 1) / 2
            WHERE q.appid = ?1 AND q.uid = ?2 AND q.msgid = ?3",
        )?;
        let Account { appid, uid } = saves.receiver();
        let same = select
            .query_one([appid.0, uid.0, receivers(first).0], |row| {
                // A content that is no text and no bytes is damaged.
                let content = row.get_ref(0)?.as_bytes().unwrap_or_default();
                Ok(uuid::find(content) == uuid::find(saves.message().content()))
            })
            .optional()?;
        Ok(same.unwrap_or(false).then_some(first))
    }
}

/// The msgid of message `n` in its receiver's queue.
const fn receivers(n: i64) -> MsgId {
    MsgId(n.saturating_mul(2).saturating_sub(1))
}

/// The msgid of message `n` in its sender's queue.
const fn senders(n: i64) -> MsgId {
    MsgId(n.saturating_mul(2))
}
