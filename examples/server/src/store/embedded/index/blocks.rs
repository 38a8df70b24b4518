//! The blocks of a run, found by the fence before each.

use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::store::embedded::index::block::Decoder;
use crate::store::embedded::index::tables::{Damage, RunId};

/// A block as it is stored.
pub(super) struct Packed<'r> {
    run: RunId,
    pub(super) id: i64,
    /// The key of its first posting.
    pub(super) fence: &'r [u8],
    pub(super) bytes: &'r [u8],
}

impl<'r> Packed<'r> {
    fn from_row(run: RunId, row: &'r Row<'_>) -> Result<Self> {
        let (id, fence) = (row.get(0)?, row.get_ref(1)?.as_blob()?);
        // A block that is missing is NULL.
        let bytes = row.get_ref(2)?.as_blob().map_err(|_| Damage::Block { run, block: id })?;
        Ok(Self { run, id, fence, bytes })
    }

    /// Checks the block, and stands before its first posting.
    pub(super) fn decoder(&self) -> Result<Decoder> {
        let decoder = Decoder::new(self.run.0, self.bytes).map_err(|_| self.damage())?;
        let first = decoder.clone().next(self.bytes).ok().flatten();
        if first.is_none_or(|first| first.key() != self.fence) {
            return Err(self.damage().into());
        }
        Ok(decoder)
    }

    /// The error for bytes that cannot be decoded.
    pub(super) const fn damage(&self) -> Damage {
        Damage::Block { run: self.run, block: self.id }
    }
}

/// Reads the last block whose first posting has this key or a lesser one.
pub(super) fn last_until<T>(
    db: &Connection,
    run: RunId,
    key: &[u8],
    read: impl FnOnce(&Packed<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut select = db.prepare_cached(
        "SELECT f.block, f.first, b.postings
        FROM fence f LEFT JOIN block b ON b.id = f.block
        WHERE f.run = ?1 AND f.first <= ?2 ORDER BY f.first DESC LIMIT 1",
    )?;
    select.query_one((run.0, key), |row| read(&Packed::from_row(run, row)?)).optional()
}

/// Reads the first block whose first posting has a greater key.
pub(super) fn first_beyond<T>(
    db: &Connection,
    run: RunId,
    key: &[u8],
    read: impl FnOnce(&Packed<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut select = db.prepare_cached(
        "SELECT f.block, f.first, b.postings
        FROM fence f LEFT JOIN block b ON b.id = f.block
        WHERE f.run = ?1 AND f.first > ?2 ORDER BY f.first LIMIT 1",
    )?;
    select.query_one((run.0, key), |row| read(&Packed::from_row(run, row)?)).optional()
}

/// Adds a block to a run.
pub(super) fn insert(db: &Connection, run: RunId, fence: &[u8], bytes: &[u8]) -> Result<()> {
    db.prepare_cached("INSERT INTO block (postings) VALUES (?1)")?.execute([bytes])?;
    let mut insert =
        db.prepare_cached("INSERT INTO fence (run, first, block) VALUES (?1, ?2, ?3)")?;
    insert.execute((run.0, fence, db.last_insert_rowid())).map(drop)
}

/// Deletes the first blocks of a run, and returns how many there were.
pub(super) fn delete(db: &Connection, run: RunId, most: usize) -> Result<usize> {
    let mut select =
        db.prepare_cached("SELECT block, first FROM fence WHERE run = ?1 ORDER BY first LIMIT ?2")?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let blocks = select
        .query_map((run.0, most), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, Vec<u8>)>>>()?;
    let mut delete = db.prepare_cached("DELETE FROM block WHERE id = ?1")?;
    for (block, _) in &blocks {
        delete.execute([block])?;
    }
    if let Some((_, last)) = blocks.last() {
        let mut delete = db.prepare_cached("DELETE FROM fence WHERE run = ?1 AND first <= ?2")?;
        delete.execute((run.0, last))?;
    }
    Ok(blocks.len())
}
