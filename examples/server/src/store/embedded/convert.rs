//! Data folders of earlier versions.
//!
//! Up to version 2 a table `queue` had a row for each copy of a message. Now the index is derived
//! from the messages, which therefore have to say in whose queues they are.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Result, Row, Statement};

use crate::store::embedded::options::{Fault, Step, permit};
use crate::store::embedded::parties::{receivers, senders};
use crate::store::embedded::tables::{self, VERSION};

/// Whether a folder of this version can be converted.
pub(super) const fn is_convertible(version: i64) -> bool {
    matches!(version, 1 | 2)
}

/// Converts a folder of version 1 or 2, in one transaction. The index is built afterwards, as in
/// every folder that has none.
pub(super) fn convert(db: &Connection, version: i64, fault: Option<&dyn Fault>) -> Result<()> {
    tracing::info!("converting the data folder from version {version} to {VERSION}");
    let transaction = db.unchecked_transaction()?;
    let mut sellers = Sellers::new(db)?;
    let seller_appid = sellers.newest()?.unwrap_or(0);
    // This rewrites no row.
    db.execute_batch(&format!(
        "ALTER TABLE message ADD COLUMN seller_appid INTEGER NOT NULL DEFAULT {seller_appid};"
    ))?;
    correct(db, seller_appid, &mut sellers)?;
    drop(sellers);
    db.execute_batch("DROP VIEW IF EXISTS queued; DROP TABLE queue;")?;
    tables::create_derived(db)?;
    permit(fault, Step::Commit)?;
    transaction.commit()
}

/// Gives the messages to and from sellers of other apps their own.
fn correct(db: &Connection, seller_appid: i64, sellers: &mut Sellers<'_>) -> Result<()> {
    let mut update = db.prepare("UPDATE message SET seller_appid = ?2 WHERE n = ?1")?;
    let mut select = db.prepare(
        "SELECT n, command, seller_id FROM message WHERE command IN (24, 25) AND n > ?1
        ORDER BY n LIMIT 10000",
    )?;
    let (mut at, mut logged) = (0, Instant::now());
    loop {
        let copies = select.query_map([at], SellersCopy::read)?.collect::<Result<Vec<_>>>()?;
        let Some(last) = copies.last() else { return Ok(()) };
        at = last.n;
        for copy in copies {
            if !copy.is_in(seller_appid, &mut sellers.copies)?
                && let Some(other) = sellers.app(copy)?
            {
                update.execute([copy.n, other])?;
            }
        }
        if logged.elapsed() > BETWEEN_LINES {
            logged = Instant::now();
            tracing::info!(message = at, "looking whose messages they are");
        }
    }
}

/// Between two lines of the log.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The copy of a message that is in its seller's queue.
#[derive(Clone, Copy)]
struct SellersCopy {
    n: i64,
    seller: i64,
    msgid: i64,
}

impl SellersCopy {
    /// Of a CUSTOMER it is the receiver's, of a CUSTOMER_SUPPORT the sender's.
    fn read(row: &Row<'_>) -> Result<Self> {
        let (n, command): (i64, i64) = (row.get(0)?, row.get(1)?);
        let msgid = if command == 24 { receivers(n) } else { senders(n) };
        Ok(Self { n, seller: row.get(2)?, msgid: msgid.0 })
    }

    fn is_in(self, app: i64, copies: &mut Statement<'_>) -> Result<bool> {
        copies.exists([app, self.seller, self.msgid])
    }
}

/// Finds the apps of sellers in the table of queues.
struct Sellers<'db> {
    db: &'db Connection,
    apps: Vec<i64>,
    copies: Statement<'db>,
}

impl<'db> Sellers<'db> {
    fn new(db: &'db Connection) -> Result<Self> {
        let mut next = db.prepare("SELECT min(appid) FROM queue WHERE appid > ?1")?;
        let mut apps: Vec<i64> = Vec::new();
        let mut app: Option<i64> =
            db.query_one("SELECT min(appid) FROM queue", [], |row| row.get(0))?;
        while let Some(appid) = app {
            apps.push(appid);
            app = next.query_one([appid], |row| row.get(0))?;
        }
        let copies =
            db.prepare("SELECT 1 FROM queue WHERE appid = ?1 AND uid = ?2 AND msgid = ?3")?;
        Ok(Self { db, apps, copies })
    }

    /// The app of the newest message's seller.
    fn newest(&mut self) -> Result<Option<i64>> {
        let newest = self
            .db
            .query_one(
                "SELECT n, command, seller_id FROM message WHERE command IN (24, 25)
                ORDER BY n DESC LIMIT 1",
                [],
                SellersCopy::read,
            )
            .optional()?;
        newest.map_or(Ok(None), |copy| self.app(copy))
    }

    fn app(&mut self, copy: SellersCopy) -> Result<Option<i64>> {
        let Self { apps, copies, .. } = self;
        for &app in &*apps {
            if copy.is_in(app, copies)? {
                return Ok(Some(app));
            }
        }
        Ok(None)
    }
}
