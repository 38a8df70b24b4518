//! What is indexed, and the order of it.

use kefu_proto::{Account, MsgId};

use crate::store::embedded::mark::Mark;

/// What messages are looked up by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store::embedded) enum Term {
    /// The copies in a queue.
    Queue(Account),
    /// The sender's copies of the messages with this mark.
    Mark(Mark),
}

/// A copy of a message that has the term.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::store::embedded) struct Posting {
    pub(in crate::store::embedded) term: Term,
    pub(in crate::store::embedded) msgid: MsgId,
}

impl Term {
    /// Bytes that sort as terms do. None of them is the begin of another's.
    pub(super) fn key(self) -> Vec<u8> {
        match self {
            Self::Queue(Account { appid, uid }) => {
                [&[0][..], &sortable(appid.0), &sortable(uid.0)].concat()
            }
            Self::Mark(mark) => [&[1][..], &sortable(mark)].concat(),
        }
    }

    /// A hash for filters. It is stored, so it must not change.
    pub(super) fn hash(self) -> u64 {
        match self {
            Self::Queue(Account { appid, uid }) => {
                mix(mix(appid.0.cast_unsigned()) ^ uid.0.cast_unsigned())
            }
            // Not a mark's own value: that is the product of a weaker hash.
            Self::Mark(mark) => mix(!mark.cast_unsigned()),
        }
    }
}

impl Posting {
    /// Bytes that sort as postings do.
    pub(super) fn key(self) -> Vec<u8> {
        let mut key = self.term.key();
        key.extend(sortable(self.msgid.0));
        key
    }
}

/// Big-endian bytes sort as numbers do if the negative ones are moved below the others.
fn sortable(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The finalizer of `SplitMix64`, which turns each bit of the input into a change of half the bits.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
