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

#[cfg(test)]
pub(super) mod tests {
    use kefu_proto::{AppId, UserId};
    use proptest::prelude::*;

    use super::*;

    /// Numbers of any size, more of them small.
    fn number() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
    }

    pub(in super::super) fn posting() -> impl Strategy<Value = Posting> {
        let queue = (number(), number())
            .prop_map(|(appid, uid)| Term::Queue(Account::new(AppId(appid), UserId(uid))));
        let term = prop_oneof![queue, number().prop_map(Term::Mark)];
        (term, 1..1_i64 << 61, 0..61_u32)
            .prop_map(|(term, msgid, shift)| Posting { term, msgid: MsgId((msgid >> shift) + 1) })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keys_sort_as_postings_do(a in posting(), b in posting()) {
            prop_assert_eq!(a.key().cmp(&b.key()), a.cmp(&b));
            prop_assert_eq!(a.term.key().cmp(&b.term.key()), a.term.cmp(&b.term));
            prop_assert_eq!(a.key().starts_with(&b.term.key()), a.term == b.term);
        }
    }

    #[test]
    fn hashes_do_not_change() {
        let queue = Term::Queue(Account::new(AppId(7), UserId(1)));
        assert_eq!(queue.hash(), 0x3d41_bf49_5cd3_075f);
        assert_eq!(Term::Mark(-1).hash(), 0xe220_a839_7b1d_cdaf);
    }
}
