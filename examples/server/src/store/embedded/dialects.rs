//! Which dialects clients have shown (D1.8): one row per account and platform.

use kefu_proto::{Account, Platform};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::dialect::{Setting, Shown};

/// Creates the table, in a folder that has none yet.
pub(super) fn create(db: &Connection) -> Result<()> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS dialect (
            appid INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            platform INTEGER NOT NULL,
            shown TEXT NOT NULL,
            set_to TEXT NOT NULL, -- what --dialect said of the platform then
            PRIMARY KEY (appid, uid, platform)
        ) STRICT, WITHOUT ROWID;",
    )
}

/// What an account's client on a platform has shown, if that is known.
pub(super) fn shown(
    db: &Connection,
    account: Account,
    platform: Platform,
) -> Result<Option<Shown>> {
    let mut select = db.prepare_cached(
        "SELECT shown, set_to FROM dialect WHERE appid = ?1 AND uid = ?2 AND platform = ?3",
    )?;
    let key = (account.appid.0, account.uid.0, platform.0);
    let read = select.query_one(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(read.and_then(|(shown, under): (String, String)| {
        let Setting::Fixed(dialect) = shown.parse().ok()? else { return None };
        Some(Shown { dialect, under: under.parse().ok()? })
    }))
}

pub(super) fn keep(
    db: &Connection,
    account: Account,
    platform: Platform,
    Shown { dialect, under }: Shown,
) -> Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO dialect (appid, uid, platform, shown, set_to) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET shown = excluded.shown, set_to = excluded.set_to",
    )?;
    let texts = (Setting::Fixed(dialect).to_string(), under.to_string());
    upsert.execute((account.appid.0, account.uid.0, platform.0, texts.0, texts.1)).map(drop)
}
