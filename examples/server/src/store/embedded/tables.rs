//! The tables of the database, and their version.

use rusqlite::{Connection, Result};

use crate::store::embedded::{index, retention};

/// The version of the layout. It changes when older or newer servers could not read the data.
pub(super) const VERSION: i64 = 3;

/// `KEFU` in the database's header: tells tools, and this server, whose file it is.
pub(super) const APPLICATION: i64 = 0x4b45_4655;

/// Creates all tables of a new database.
pub(super) fn create(db: &Connection) -> Result<()> {
    let transaction = db.unchecked_transaction()?;
    db.pragma_update(None, "application_id", APPLICATION)?;
    db.execute_batch(TABLES)?;
    create_derived(db)?;
    transaction.commit()
}

/// Creates what is derived from the messages, in the open transaction.
pub(super) fn create_derived(db: &Connection) -> Result<()> {
    db.execute_batch(index::TABLES)?;
    db.execute_batch(retention::TABLES)?;
    db.execute_batch(VIEW)?;
    db.pragma_update(None, "user_version", VERSION)
}

/// Writes the first page anew, and changes nothing.
pub(super) fn probe(db: &Connection) -> Result<()> {
    db.pragma_update(None, "user_version", VERSION)
}

/// A message is one row, and in two queues: message `n` has the copies `2n - 1`, in the receiver's
/// queue, and `2n`, in the sender's. The index of queues is derived from the rows.
///
/// The four ids are those at the begin of the body. A `CUSTOMER_V2` has its sender in
/// `customer_appid` and `customer_id`, and its receiver in `store_id` and `seller_id`.
///
/// Folders that were converted have the column `seller_appid` with a default, and some value in it
/// for a `CUSTOMER_V2`, which means nothing.
const TABLES: &str = "
CREATE TABLE message (
    n INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL, -- TEXT where it is UTF-8, else BLOB
    seller_appid INTEGER NOT NULL -- which the bodies of commands 24 and 25 leave out; else 0
) STRICT;
CREATE TABLE kept_key (
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    msgid INTEGER NOT NULL,
    PRIMARY KEY (appid, uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    platform INTEGER NOT NULL,
    name ANY NOT NULL, -- TEXT where it is UTF-8, else BLOB
    UNIQUE (platform, name)
) STRICT;
CREATE TABLE push (
    id INTEGER PRIMARY KEY,
    appid INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    command INTEGER NOT NULL,
    customer_appid INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    seller_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    content ANY NOT NULL
) STRICT;
";

/// For people: every queue with its messages. It reads all messages, or those of a range of `n`.
const VIEW: &str = "
CREATE VIEW queued AS
    SELECT
        CASE WHEN command IN (24, 25) THEN iif((command = 24) = sent, customer_appid, seller_appid)
            WHEN command = 64 THEN iif(sent, customer_appid, store_id) END AS appid,
        CASE WHEN command IN (24, 25) THEN iif((command = 24) = sent, customer_id, seller_id)
            WHEN command = 64 THEN iif(sent, customer_id, seller_id) END AS uid,
        2 * n - 1 + sent AS msgid, n, datetime(timestamp, 'unixepoch') AS at,
        CASE command WHEN 24 THEN 'CUSTOMER' WHEN 25 THEN 'CUSTOMER_SUPPORT'
            WHEN 64 THEN 'CUSTOMER_V2' ELSE command END AS command,
        device_id,
        iif(command = 64, NULL, customer_appid) AS customer_appid,
        iif(command = 64, NULL, customer_id) AS customer_id,
        iif(command = 64, NULL, store_id) AS store_id,
        iif(command = 64, NULL, seller_id) AS seller_id,
        iif(command = 64, customer_appid, NULL) AS sender_appid,
        iif(command = 64, customer_id, NULL) AS sender,
        iif(command = 64, store_id, NULL) AS receiver_appid,
        iif(command = 64, seller_id, NULL) AS receiver,
        content
    FROM message CROSS JOIN (SELECT 0 AS sent UNION ALL SELECT 1);
";
