//! Kept sync keys and device numbers.

use kefu_proto::{Account, DeviceId, MsgId, Platform};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::store::embedded::row::bind_bytes;

/// The sync key that is kept for an account; 0 if there is none (S2.1).
pub(super) fn kept_key(db: &Connection, account: Account) -> Result<MsgId> {
    let mut select =
        db.prepare_cached("SELECT msgid FROM kept_key WHERE appid = ?1 AND uid = ?2")?;
    let key = select.query_one([account.appid.0, account.uid.0], |row| row.get(0)).optional()?;
    Ok(MsgId(key.unwrap_or(0)))
}

/// Keeps a sync key, unless a larger one is kept already (S3.1).
pub(super) fn keep_key(db: &Connection, account: Account, key: MsgId) -> Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO kept_key (appid, uid, msgid) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET msgid = excluded.msgid WHERE excluded.msgid > msgid",
    )?;
    upsert.execute([account.appid.0, account.uid.0, key.0]).map(drop)
}

/// The number of a device that has one.
pub(super) fn known_device(
    db: &Connection,
    name: &[u8],
    platform: Platform,
) -> Result<Option<DeviceId>> {
    let mut select =
        db.prepare_cached("SELECT id FROM device WHERE platform = ?1 AND name = ?2")?;
    select.raw_bind_parameter(1, platform.0)?;
    bind_bytes(&mut select, 2, name)?;
    let known = select.raw_query().next()?.map(|row| row.get(0)).transpose()?;
    Ok(known.map(DeviceId))
}

/// The number of a device; a new device gets the next one (S1.2).
pub(super) fn device_id(db: &Connection, name: &[u8], platform: Platform) -> Result<DeviceId> {
    if let Some(id) = known_device(db, name, platform)? {
        return Ok(id);
    }
    let mut insert = db.prepare_cached("INSERT INTO device (platform, name) VALUES (?1, ?2)")?;
    insert.raw_bind_parameter(1, platform.0)?;
    bind_bytes(&mut insert, 2, name)?;
    insert.raw_execute()?;
    Ok(DeviceId(db.last_insert_rowid()))
}
