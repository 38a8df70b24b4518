//! Inserting messages: the hot path.

use kefu_proto::{Copies, Encode, MsgId, Saves};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result};

use crate::store::embedded::mark::{Known, Mark};
use crate::store::embedded::row::{bind_message, body_of, message_columns};
use crate::uuid;

/// Numbers messages and finds repeats. One counter serves all queues, so ids grow in each.
#[derive(Debug)]
pub(super) struct Messages {
    last: i64,
    last_committed: i64,
    known: Known,
}

impl Messages {
    /// Continues after the last stored message, and after the msgid `after`.
    pub(super) fn open(db: &Connection, marks: usize, after: MsgId) -> Result<Self> {
        let last: i64 =
            db.query_one("SELECT ifnull(max(n), 0) FROM message", [], |row| row.get(0))?;
        // Message `n` has the ids `2n - 1` and `2n`.
        let last = last.max(after.0 / 2 + after.0 % 2);
        Ok(Self { last, last_committed: last, known: Known::new(marks) })
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
    /// Returns the ids of both copies, and whether the message was stored already.
    pub(super) fn store(&mut self, saves: &Saves, mark: Option<Mark>) -> Result<(Copies, bool)> {
        let n = self.messages.last.saturating_add(1);
        if let Some(mark) = mark
            && let Some(first) = self.first(saves, mark, n)?
        {
            return Ok((copies_of(first), true));
        }
        let [receiver, sender] = saves.requests();
        self.message.raw_bind_parameter(1, n)?;
        self.message.raw_bind_parameter(2, sender.device_id().0)?;
        bind_message(&mut self.message, 3, saves.message())?;
        self.message.raw_execute()?;
        let stored = copies_of(n);
        for (parameter, copy, stored) in
            [(1, receiver, stored.receiver), (4, sender, stored.sender)]
        {
            self.copies.raw_bind_parameter(parameter, copy.queue().appid.0)?;
            self.copies.raw_bind_parameter(parameter + 1, copy.queue().uid.0)?;
            self.copies.raw_bind_parameter(parameter + 2, stored.msgid.0)?;
        }
        self.copies.raw_bind_parameter(7, mark)?;
        self.copies.raw_execute()?;
        self.messages.last = n;
        Ok((stored, false))
    }

    /// The message that this one repeats. Of two messages that share a mark only the first is
    /// recognised: the other is stored again, as if it had no uuid.
    fn first(&mut self, saves: &Saves, mark: Mark, n: i64) -> Result<Option<i64>> {
        let known = self.messages.known.first(self.db, saves.sender(), mark, n)?;
        let Some(first) = known else {
            return Ok(None);
        };
        let mut select = self.db.prepare_cached(
            "SELECT content FROM message WHERE n = ?1 AND command = ?2 AND customer_appid = ?3
            AND customer_id = ?4 AND seller_id = ?5",
        )?;
        let body = body_of(saves.message())?;
        let (appid, customer) = (body.customer_appid.0, body.customer_id.0);
        let command = i64::from(saves.message().command().0);
        let same = select
            .query_one([first, command, appid, customer, body.seller_id.0], |row| {
                let content = row.get_ref(0)?.as_bytes()?;
                Ok(uuid::find(content) == uuid::find(&body.content))
            })
            .optional()?;
        Ok(same.unwrap_or(false).then_some(first))
    }
}

/// Message `n` has the msgids `2n - 1` in its receiver's queue and `2n` in its sender's.
fn copies_of(n: i64) -> Copies {
    let sender = n.saturating_mul(2);
    Copies { receiver: MsgId(sender.saturating_sub(1)).into(), sender: MsgId(sender).into() }
}
