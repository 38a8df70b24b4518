//! Looking up terms.

use std::sync::Arc;

use kefu_proto::MsgId;
use rusqlite::{Connection, Result};

use crate::store::embedded::index::blocks::{self, Packed};
use crate::store::embedded::index::tables::{self, RunId};
use crate::store::embedded::index::term::{Posting, Term};
use crate::store::embedded::index::visible::{Filters, Visible};

/// Reads the runs that the open transaction of a connection sees.
#[derive(Debug)]
pub(in crate::store::embedded) struct Reader<'db> {
    db: &'db Connection,
    /// Oldest messages first.
    runs: Arc<[Visible]>,
}

impl<'db> Reader<'db> {
    pub(in crate::store::embedded) fn new(db: &'db Connection, filters: &Filters) -> Result<Self> {
        let runs = filters.of(tables::visible(db)?);
        Ok(Self { db, runs: runs.into() })
    }

    /// For the writer, who knows the runs.
    pub(super) const fn with_runs(db: &'db Connection, runs: Arc<[Visible]>) -> Self {
        Self { db, runs }
    }

    /// The last message whose postings are seen; 0 if there is none.
    pub(in crate::store::embedded) fn indexed(&self) -> i64 {
        self.runs.last().map_or(0, |last| last.run.until)
    }

    /// The least msgids of a term that are greater than `msgid`, ascending, up to `limit`.
    pub(in crate::store::embedded) fn after(
        &self,
        term: Term,
        msgid: MsgId,
        limit: usize,
    ) -> Result<Vec<MsgId>> {
        let mut found = Vec::new();
        let first = Posting { term, msgid: MsgId(msgid.0.saturating_add(1)) };
        let hash = term.hash();
        for Visible { run, filter } in self.runs.iter() {
            let is_before = run.until.saturating_mul(2) < first.msgid.0;
            if is_before || filter.as_ref().is_some_and(|filter| !filter.allows(hash)) {
                continue;
            }
            if self.collect(run.id, first, limit, &mut found)? {
                break;
            }
        }
        Ok(found)
    }

    /// Adds the msgids that one run has; true if there are enough.
    fn collect(
        &self,
        run: RunId,
        first: Posting,
        limit: usize,
        found: &mut Vec<MsgId>,
    ) -> Result<bool> {
        let mut scan = |block: &Packed<'_>| scan(block, first, limit, found);
        let mut key = first.key();
        let mut ended = blocks::last_until(self.db, run, &key, &mut scan)?;
        let prefix = first.term.key();
        while ended.is_none_or(|ended| ended == Scan::AtEndOfBlock) {
            let next = blocks::first_beyond(self.db, run, &key, |block| {
                if !block.fence.starts_with(&prefix) {
                    return Ok((Scan::AtEndOfTerm, Vec::new()));
                }
                Ok((scan(block)?, block.fence.to_vec()))
            })?;
            let Some((how, fence)) = next else { return Ok(false) };
            (ended, key) = (Some(how), fence);
        }
        Ok(ended == Some(Scan::Enough))
    }

    /// The greatest msgid of a term that is less than `msgid`.
    pub(in crate::store::embedded) fn before(
        &self,
        term: Term,
        msgid: MsgId,
    ) -> Result<Option<MsgId>> {
        let last = Posting { term, msgid: MsgId(msgid.0.saturating_sub(1)) };
        let (key, hash) = (last.key(), term.hash());
        for Visible { run, filter } in self.runs.iter().rev() {
            let is_beyond = run.first.saturating_mul(2).saturating_sub(1) > last.msgid.0;
            if is_beyond || filter.as_ref().is_some_and(|filter| !filter.allows(hash)) {
                continue;
            }
            let found =
                blocks::last_until(self.db, run.id, &key, |block| last_in(block, last))?.flatten();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Why no more was read of a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scan {
    Enough,
    AtEndOfTerm,
    AtEndOfBlock,
}

/// Adds the msgids of the term of `first` that a block has, from `first` on.
fn scan(block: &Packed<'_>, first: Posting, limit: usize, found: &mut Vec<MsgId>) -> Result<Scan> {
    let mut decoder = block.decoder()?;
    while let Some(posting) = decoder.next(block.bytes).map_err(|_| block.damage())? {
        if posting < first {
            continue;
        }
        if posting.term != first.term {
            return Ok(Scan::AtEndOfTerm);
        }
        if found.len() >= limit {
            return Ok(Scan::Enough);
        }
        found.push(posting.msgid);
    }
    Ok(Scan::AtEndOfBlock)
}

/// The greatest msgid of the term of `last` in a block, up to `last`.
fn last_in(block: &Packed<'_>, last: Posting) -> Result<Option<MsgId>> {
    let mut decoder = block.decoder()?;
    let mut found = None;
    while let Some(posting) = decoder.next(block.bytes).map_err(|_| block.damage())? {
        if posting > last {
            break;
        }
        found = Some(posting);
    }
    Ok(found.filter(|found| found.term == last.term).map(|found| found.msgid))
}
