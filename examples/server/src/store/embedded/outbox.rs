//! The push outbox: messages for receivers who were offline, until a sink has taken them (H7.3).

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, AppId, Command, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::store::embedded::error::is_corrupt;
use crate::store::embedded::row::{bind_message, message_columns, read_message};
use crate::store::embedded::status::Status;
use crate::store::observer::Pushes;
use crate::store::push::{Push, PushBounds};

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

/// Adds entries under ascending ids, as many as may wait.
#[derive(Debug)]
pub(super) struct Outbox {
    last: i64,
    bounds: PushBounds,
    waiting: Waiting,
    /// What the open transaction has changed, in order.
    changes: Vec<Change>,
    /// What has become of the pushes of the open transaction.
    fates: Pushes,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Added(Account),
    Removed(Account),
}

impl Outbox {
    pub(super) fn open(db: &Connection, bounds: PushBounds, status: &Status) -> Result<Self> {
        let last = db.query_one("SELECT ifnull(max(id), 0) FROM push", [], |row| row.get(0))?;
        let waiting = Waiting::load(db, status)?;
        Ok(Self { last, bounds, waiting, changes: Vec::new(), fates: Pushes::default() })
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.waiting.all
    }

    /// Ids are never reused, so that a late acknowledgement cannot remove a newer entry.
    pub(super) fn add(&mut self, db: &Connection, entry: &Push) -> Result<()> {
        if self.waiting.of(entry.to) >= self.bounds.account {
            self.fates.beyond_account = self.fates.beyond_account.saturating_add(1);
            return Ok(());
        }
        if self.waiting.all >= self.bounds.all {
            self.fates.beyond_all = self.fates.beyond_all.saturating_add(1);
            return Ok(());
        }
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
        insert.raw_execute()?;
        self.fates.queued = self.fates.queued.saturating_add(1);
        self.change(Change::Added(entry.to));
        Ok(())
    }

    pub(super) fn remove(&mut self, db: &Connection, entries: &[PushId]) -> Result<()> {
        let mut delete =
            db.prepare_cached("DELETE FROM push WHERE id = ?1 RETURNING appid, uid")?;
        for entry in entries {
            // It may have been removed already.
            if let Some(to) = delete.query_one([entry.0], |row| receiver(row, 0)).optional()? {
                self.change(Change::Removed(to));
            }
        }
        Ok(())
    }

    /// The transaction is committed. Returns what has become of its pushes.
    pub(super) fn commit(&mut self) -> Pushes {
        self.changes.clear();
        std::mem::take(&mut self.fates)
    }

    /// The transaction is rolled back.
    pub(super) fn roll_back(&mut self) {
        self.fates = Pushes::default();
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
            match change {
                Change::Added(to) => self.waiting.remove(to),
                Change::Removed(to) => self.waiting.add(to, 1),
            }
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Added(to) => self.waiting.add(to, 1),
            Change::Removed(to) => self.waiting.remove(to),
        }
        self.changes.push(change);
    }
}

/// How many entries there are, and for whom.
#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    by_receiver: HashMap<Account, usize>,
}

impl Waiting {
    fn load(db: &Connection, status: &Status) -> Result<Self> {
        let mut waiting = Self::default();
        let counted = waiting.count(db);
        match counted {
            // A damaged outbox is no reason not to start. The bounds are looser then.
            Err(error) if is_corrupt(&error) => {
                status.found_corrupt(&error);
                Ok(waiting)
            }
            counted => counted.map(|()| waiting),
        }
    }

    fn count(&mut self, db: &Connection) -> Result<()> {
        let mut select = db.prepare("SELECT appid, uid, count(*) FROM push GROUP BY appid, uid")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(2)?;
            self.add(receiver(row, 0)?, usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn of(&self, to: Account) -> usize {
        self.by_receiver.get(&to).copied().unwrap_or(0)
    }

    fn add(&mut self, to: Account, count: usize) {
        let of = self.by_receiver.entry(to).or_default();
        *of = of.saturating_add(count);
        self.all = self.all.saturating_add(count);
    }

    fn remove(&mut self, to: Account) {
        self.all = self.all.saturating_sub(1);
        match self.of(to) {
            0 | 1 => drop(self.by_receiver.remove(&to)),
            count => drop(self.by_receiver.insert(to, count - 1)),
        }
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
        entries.push(OutboxRow { id: PushId(row.get(0)?), to: receiver(row, 1)?, command, body });
    }
    Ok(entries)
}

/// The age of the oldest entry; zero if there is none.
pub(super) fn age(db: &Connection) -> Result<Duration> {
    let mut select = db.prepare_cached("SELECT timestamp FROM push ORDER BY id LIMIT 1")?;
    let Some(at) = select.query_one([], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(Duration::ZERO);
    };
    let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap_or(0));
    // A clock that was set back makes no age negative.
    Ok(SystemTime::now().duration_since(at).unwrap_or_default())
}

/// The account in two columns from `first` on.
fn receiver(row: &Row<'_>, first: usize) -> Result<Account> {
    let uid = first.saturating_add(1);
    Ok(Account::new(AppId(row.get(first)?), UserId(row.get(uid)?)))
}
