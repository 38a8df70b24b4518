//! The rows of filters.

use rusqlite::{Connection, Result};

use crate::store::embedded::index::checksum::checksum;
use crate::store::embedded::index::filter::Filter;
use crate::store::embedded::index::tables::{Damage, Run, RunId};

/// Saves a part of a run's filter.
pub(super) fn insert(db: &Connection, run: RunId, filter: &Filter, part: usize) -> Result<()> {
    let id = ids(run).0.saturating_add(i64::try_from(part).unwrap_or(i64::MAX));
    let mut bytes = vec![0; SUM];
    bytes.extend(filter.part(part));
    if let Some((sum, bits)) = bytes.split_first_chunk_mut::<SUM>() {
        *sum = checksum(id, bits).to_le_bytes();
    }
    let mut insert = db.prepare_cached("INSERT INTO filter (id, bits) VALUES (?1, ?2)")?;
    insert.execute((id, bytes)).map(drop)
}

/// The filter of a run.
pub(super) fn load(db: &Connection, run: &Run) -> Result<Filter> {
    let mut select =
        db.prepare_cached("SELECT id, bits FROM filter WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let (first, last) = ids(run.id);
    let mut rows = select.query((first, last))?;
    let damage = |id: i64| Damage::Filter { run: run.id, part: id.saturating_sub(first) };
    let mut filter = Filter::of_shape(run.filter).ok_or(damage(first))?;
    let mut next = first;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let part = checked(id, row.get_ref(1)?.as_blob()?).filter(|_| id == next);
        if !part.is_some_and(|part| filter.append(part)) {
            return Err(damage(id).into());
        }
        next = next.saturating_add(1);
    }
    if filter.is_whole() { Ok(filter) } else { Err(damage(next).into()) }
}

fn checked(id: i64, bytes: &[u8]) -> Option<&[u8]> {
    let (sum, bits) = bytes.split_first_chunk::<SUM>()?;
    (checksum(id, bits).to_le_bytes() == *sum).then_some(bits)
}

/// Deletes parts of a run's filter, and returns how many there were.
pub(super) fn delete(db: &Connection, run: RunId, most: usize) -> Result<usize> {
    let mut delete = db.prepare_cached(
        "DELETE FROM filter WHERE id IN
        (SELECT id FROM filter WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)",
    )?;
    let (first, last) = ids(run);
    delete.execute((first, last, i64::try_from(most).unwrap_or(i64::MAX)))
}

/// The ids of the parts that there could be.
const fn ids(run: RunId) -> (i64, i64) {
    let first = run.0.saturating_mul(1 << 16);
    (first, first.saturating_add(0xffff))
}

/// How many bytes the checksum is.
const SUM: usize = 8;
