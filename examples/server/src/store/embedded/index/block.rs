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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::store::embedded::index::term::tests::posting;

    /// All blocks of ascending postings.
    fn pack(postings: &[Posting]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(3, MsgId(1));
        let mut blocks = Vec::new();
        for posting in postings {
            if encoder.is_full() {
                blocks.push(encoder.packed().to_vec());
                encoder.clear();
            }
            encoder.push(*posting).unwrap();
        }
        blocks.push(encoder.packed().to_vec());
        blocks
    }

    fn unpack(block: &[u8]) -> Result<Vec<Posting>, Damaged> {
        let mut decoder = Decoder::new(3, block)?;
        std::iter::from_fn(|| decoder.next(block).transpose()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_is_unpacked(mut postings in vec(posting(), 1..600)) {
            postings.sort_unstable();
            postings.dedup();
            let blocks = pack(&postings);
            let mut found = Vec::new();
            for block in &blocks {
                prop_assert!(block.len() <= MOST);
                found.extend(unpack(block).unwrap());
            }
            prop_assert_eq!(found, postings);
        }

        #[test]
        fn a_change_is_found(mut postings in vec(posting(), 1..9), at: prop::sample::Index, flip in 1..=255_u8) {
            postings.sort_unstable();
            postings.dedup();
            let mut block = pack(&postings).remove(0);
            let at = at.index(block.len());
            block[at] ^= flip;
            prop_assert!(Decoder::new(3, &block).is_err());
        }

        /// A block of which only the checksum is right.
        #[test]
        fn any_bytes_are_postings_or_damaged(bytes in vec(any::<u8>(), 0..300)) {
            let block = [&checksum(3, &bytes).to_le_bytes()[..], &bytes].concat();
            if let Ok(postings) = unpack(&block) {
                prop_assert!(postings.len() < bytes.len());
            }
            prop_assert!(unpack(&bytes).is_err());
        }
    }

    #[test]
    fn a_block_of_another_run_is_damaged() {
        let block = pack(&[Posting { term: Term::Mark(1), msgid: MsgId(1) }]).remove(0);
        assert!(Decoder::new(3, &block).is_ok());
        assert!(Decoder::new(4, &block).is_err());
    }

    #[test]
    fn postings_out_of_order_are_refused() {
        let posting = |mark, msgid| Posting { term: Term::Mark(mark), msgid: MsgId(msgid) };
        let mut encoder = Encoder::new(3, MsgId(10));
        assert!(encoder.push(posting(1, 9)).is_err(), "below the base");
        encoder.clear();
        encoder.push(posting(1, 12)).unwrap();
        encoder.push(posting(1, 13)).unwrap();
        assert!(encoder.push(posting(1, 13)).is_err());
        encoder.clear();
        encoder.push(posting(1, 12)).unwrap();
        assert!(encoder.push(posting(0, 13)).is_err());
    }

    #[test]
    fn a_posting_takes_few_bytes() {
        let queue = |uid| Term::Queue(Account::new(AppId(7), UserId(uid)));
        let postings: Vec<Posting> = (1..=100)
            .flat_map(|uid| (1..=5).map(move |n| Posting { term: queue(uid), msgid: MsgId(n) }))
            .collect();
        assert_eq!(pack(&postings)[0].len(), 8 + 1 + 1 + 100 * 6);
    }
}
