//! How postings are packed.
//!
//! A block is a checksum (8 bytes, little-endian), a base, and postings in ascending order. A
//! posting begins with a number whose lowest two bits say what is before it:
//!
//! | bits | term | the rest of the number | what follows |
//! |---|---|---|---|
//! | 0 | as before | msgid, less the one before | |
//! | 1 | a queue of the appid before | msgid, less the base | uid, less the one before |
//! | 2 | a queue | msgid, less the base | appid and uid |
//! | 3 | a mark | msgid, less the base | the mark, less the one before, or less 0 |

use kefu_proto::{Account, AppId, MsgId, UserId};

use crate::store::embedded::index::checksum::checksum;
use crate::store::embedded::index::term::{Posting, Term};
use crate::store::embedded::index::varint::{self, put, take, unzigzag, zigzag};

/// The most bytes of a block: what a page has room for beside the page's header, and the row's id
/// and header, at a page size of 4096. `SQLite` would put more into pages of their own.
pub(super) const MOST: usize = 4057;

/// Packs ascending postings.
#[derive(Debug)]
pub(super) struct Encoder {
    seed: i64,
    base: i64,
    bytes: Vec<u8>,
    first: Option<Posting>,
    last: Option<Posting>,
}

/// A posting that is not greater than the one before, or below the base.
#[derive(Debug)]
pub(super) struct Misplaced;

impl Encoder {
    /// `base` is the least msgid that there may be.
    pub(super) fn new(seed: i64, base: MsgId) -> Self {
        let bytes = Vec::with_capacity(MOST);
        Self { seed, base: base.0.max(0), bytes, first: None, last: None }
    }

    /// The first posting of the block; `None` if it is empty.
    pub(super) const fn first(&self) -> Option<Posting> {
        self.first
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len().saturating_add(3 * varint::MOST) > MOST
    }

    /// Adds a posting to a block that is not full.
    pub(super) fn push(&mut self, posting: Posting) -> Result<(), Misplaced> {
        let last = self.last.replace(posting);
        if last.is_some_and(|last| last >= posting) {
            return Err(Misplaced);
        }
        if let Some(last) = last
            && last.term == posting.term
        {
            let beyond = posting.msgid.0.wrapping_sub(last.msgid.0).cast_unsigned();
            return self.put_head(beyond, SAME);
        }
        if self.first.is_none() {
            self.first = Some(posting);
            self.bytes.extend([0; SUM]);
            put(&mut self.bytes, self.base.cast_unsigned());
        }
        let beyond = u64::try_from(posting.msgid.0.saturating_sub(self.base));
        let beyond = beyond.map_err(|_| Misplaced)?;
        self.put_term(beyond, last.map(|last| last.term), posting.term)
    }

    fn put_term(&mut self, beyond: u64, last: Option<Term>, term: Term) -> Result<(), Misplaced> {
        match (last, term) {
            (Some(Term::Queue(last)), Term::Queue(queue)) if last.appid == queue.appid => {
                self.put_head(beyond, SAME_APPID)?;
                put(&mut self.bytes, difference(queue.uid.0, last.uid.0));
            }
            (_, Term::Queue(queue)) => {
                self.put_head(beyond, QUEUE)?;
                put(&mut self.bytes, zigzag(queue.appid.0));
                put(&mut self.bytes, zigzag(queue.uid.0));
            }
            (last, Term::Mark(mark)) => {
                self.put_head(beyond, MARK)?;
                put(&mut self.bytes, difference(mark, mark_or_0(last)));
            }
        }
        Ok(())
    }

    fn put_head(&mut self, beyond: u64, kind: u64) -> Result<(), Misplaced> {
        if beyond >> 62 != 0 {
            return Err(Misplaced);
        }
        put(&mut self.bytes, beyond << 2 | kind);
        Ok(())
    }

    /// The packed block.
    pub(super) fn packed(&mut self) -> &[u8] {
        if let Some((sum, packed)) = self.bytes.split_first_chunk_mut::<SUM>() {
            *sum = checksum(self.seed, packed).to_le_bytes();
        }
        &self.bytes
    }

    /// Begins the next block.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.first = None;
        self.last = None;
    }
}

/// Bytes that are no block.
#[derive(Debug)]
pub(super) struct Damaged;

/// A place in a block, right behind a posting.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    at: usize,
    base: i64,
    last: Option<Posting>,
}

impl Decoder {
    /// Stands before the first posting of a block.
    pub(super) fn new(seed: i64, block: &[u8]) -> Result<Self, Damaged> {
        let (sum, packed) = block.split_first_chunk::<SUM>().ok_or(Damaged)?;
        if checksum(seed, packed).to_le_bytes() != *sum {
            return Err(Damaged);
        }
        let mut rest = packed;
        let base = take(&mut rest).and_then(|base| i64::try_from(base).ok()).ok_or(Damaged)?;
        Ok(Self { at: block.len().saturating_sub(rest.len()), base, last: None })
    }

    /// The next posting of the same block; `None` behind the last.
    pub(super) fn next(&mut self, block: &[u8]) -> Result<Option<Posting>, Damaged> {
        let mut rest = block.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let posting = self.read(&mut rest).ok_or(Damaged)?;
        self.at = block.len().saturating_sub(rest.len());
        self.last = Some(posting);
        Ok(Some(posting))
    }

    fn read(&self, rest: &mut &[u8]) -> Option<Posting> {
        let head = take(rest)?;
        let (beyond, kind) = (head >> 2, head & 3);
        if kind == SAME {
            let Posting { term, msgid } = self.last?;
            return Some(Posting { term, msgid: MsgId(msgid.0.checked_add_unsigned(beyond)?) });
        }
        let msgid = MsgId(self.base.checked_add_unsigned(beyond)?);
        let last = self.last.map(|last| last.term);
        let term = match (kind, last) {
            (SAME_APPID, Some(Term::Queue(Account { appid, uid }))) => {
                let uid = uid.0.wrapping_add_unsigned(take(rest)?);
                Term::Queue(Account { appid, uid: UserId(uid) })
            }
            (QUEUE, _) => {
                let (appid, uid) = (unzigzag(take(rest)?), unzigzag(take(rest)?));
                Term::Queue(Account { appid: AppId(appid), uid: UserId(uid) })
            }
            (MARK, last) => Term::Mark(mark_or_0(last).wrapping_add_unsigned(take(rest)?)),
            _ => return None,
        };
        Some(Posting { term, msgid })
    }
}

const SAME: u64 = 0;
const SAME_APPID: u64 = 1;
const QUEUE: u64 = 2;
const MARK: u64 = 3;

/// How many bytes the checksum is.
const SUM: usize = 8;

/// Small if the first number is the next greater one. It may exceed an `i64`.
const fn difference(number: i64, last: i64) -> u64 {
    number.wrapping_sub(last).cast_unsigned()
}

const fn mark_or_0(term: Option<Term>) -> i64 {
    match term {
        Some(Term::Mark(mark)) => mark,
        _ => 0,
    }
}
