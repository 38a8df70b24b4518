//! The push outbox: messages for receivers who were offline, until a sink has taken them (H7.3).

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, AppId, Command, UserId};
use rusqlite::{Connection, Result};

use crate::store::embedded::row::{bind_message, message_columns, read_message};
use crate::store::push::Push;

/// The place of an entry in the push outbox; later ones are greater.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PushId(i64);

/// An entry of the push outbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutboxRow {
    /// What to acknowledge it with.
    pub id: PushId,
    /// Whom to push it to.
    pub to: Account,
    /// What the body is.
    pub command: Command,
    /// The body of the message (W4).
    pub body: Bytes,
}

/// Adds entries under ascending ids.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    last: i64,
}

impl Outbox {
    pub(super) fn open(db: &Connection) -> Result<Self> {
        let last = db.query_one("SELECT ifnull(max(id), 0) FROM push", [], |row| row.get(0))?;
        Ok(Self { last })
    }

    /// Ids are never reused, so that a late acknowledgement cannot remove a newer entry.
    pub(super) fn add(&mut self, db: &Connection, entry: &Push) -> Result<()> {
        let mut insert = db.prepare_cached(concat!(
            "INSERT INTO push (id, appid, uid, ",
            message_columns!(),
            ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ))?;
        self.last = self.last.saturating_add(1);
        insert.raw_bind_parameter(1, self.last)?;
        insert.raw_bind_parameter(2, entry.to.appid.0)?;
        insert.raw_bind_parameter(3, entry.to.uid.0)?;
        bind_message(&mut insert, 4, &entry.message)?;
        insert.raw_execute().map(drop)
    }
}

pub(super) fn oldest(db: &Connection, limit: usize) -> Result<Vec<OutboxRow>> {
    let mut select = db.prepare_cached(concat!(
        "SELECT id, appid, uid, ",
        message_columns!(),
        " FROM push ORDER BY id LIMIT ?1"
    ))?;
    let mut rows = select.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut entries, mut bodies) = (Vec::new(), BytesMut::new());
    while let Some(row) = rows.next()? {
        let (command, body) = read_message(row, 3, &mut bodies)?;
        let to = Account::new(AppId(row.get(1)?), UserId(row.get(2)?));
        entries.push(OutboxRow { id: PushId(row.get(0)?), to, command, body });
    }
    Ok(entries)
}

pub(super) fn remove(db: &Connection, entries: &[PushId]) -> Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM push WHERE id = ?1")?;
    entries.iter().try_for_each(|entry| delete.execute([entry.0]).map(drop))
}
