//! Reading a run from its begin to its end.

use rusqlite::{Connection, Result};

use crate::store::embedded::index::block::Decoder;
use crate::store::embedded::index::blocks;
use crate::store::embedded::index::tables::{Damage, RunId};
use crate::store::embedded::index::term::Posting;

/// A place in a visible run, which does not change.
#[derive(Debug)]
pub(super) struct Cursor {
    run: RunId,
    block: Option<Open>,
    /// The block's fence.
    fence: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    id: i64,
    decoder: Decoder,
}

impl Cursor {
    pub(super) const fn new(run: RunId) -> Self {
        Self { run, block: None, fence: Vec::new(), bytes: Vec::new() }
    }

    pub(super) const fn run(&self) -> RunId {
        self.run
    }

    /// The next posting; `None` behind the last.
    pub(super) fn next(&mut self, db: &Connection) -> Result<Option<Posting>> {
        loop {
            if let Some(Open { id, decoder }) = &mut self.block {
                let damage = Damage::Block { run: self.run, block: *id };
                if let Some(posting) = decoder.next(&self.bytes).map_err(|_| damage)? {
                    return Ok(Some(posting));
                }
            }
            if !self.load(db)? {
                return Ok(None);
            }
        }
    }

    /// Loads the next block; false if there is none.
    fn load(&mut self, db: &Connection) -> Result<bool> {
        let Self { run, fence, bytes, .. } = self;
        let before = std::mem::take(fence);
        let open = blocks::first_beyond(db, *run, &before, |block| {
            fence.extend_from_slice(block.fence);
            bytes.clear();
            bytes.extend_from_slice(block.bytes);
            Ok(Open { id: block.id, decoder: block.decoder()? })
        })?;
        let found = open.is_some();
        if !found {
            *fence = before;
        }
        self.block = open;
        Ok(found)
    }
}
