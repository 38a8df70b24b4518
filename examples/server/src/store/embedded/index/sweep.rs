//! Deleting what dead runs have stored.

use rusqlite::{Connection, Result};

use crate::store::embedded::index::budget::Budget;
use crate::store::embedded::index::tables::{self, RunId};
use crate::store::embedded::index::{blocks, parts};

/// Deletes rows of a dead run, and its own row last: then it is true.
pub(super) fn sweep(db: &Connection, run: RunId, budget: &mut Budget) -> Result<bool> {
    for delete in [blocks::delete, parts::delete] {
        if budget.is_spent() {
            return Ok(false);
        }
        let most = budget.buys(ROW);
        let deleted = delete(db, run, most)?;
        budget.spend(deleted.saturating_mul(ROW));
        if deleted == most {
            return Ok(false);
        }
    }
    tables::delete(db, run)?;
    Ok(true)
}

/// What deleting a row costs, in postings.
const ROW: usize = 64;
