//! What the index is told of messages, and where it is kept while they are not in it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::{mem, slice};

use kefu_proto::MsgId;

use crate::store::embedded::index::{Posting, Term};

/// The msgids of each term, of some messages that follow each other.
#[derive(Debug, Default)]
pub(super) struct Postings {
    msgids: HashMap<Term, MsgIds>,
    messages: usize,
    /// The last of the messages; 0 if there is none.
    last: i64,
}

/// Ascending. Most terms are marks, which have one.
#[derive(Debug)]
enum MsgIds {
    One(MsgId),
    Many(Vec<MsgId>),
}

impl Postings {
    /// Adds a copy. Its msgid is greater than all of the same term.
    pub(super) fn add(&mut self, Posting { term, msgid }: Posting) {
        self.msgids
            .entry(term)
            .and_modify(|msgids| msgids.push(msgid))
            .or_insert(MsgIds::One(msgid));
    }

    /// All copies of message `n` have been added.
    pub(super) fn end_message(&mut self, n: i64) {
        self.messages = self.messages.saturating_add(1);
        self.last = n;
    }

    /// Moves all of `later` here, which are of later messages.
    pub(super) fn append(&mut self, later: &mut Self) {
        if self.messages == 0 {
            mem::swap(self, later);
        }
        for (term, msgids) in later.msgids.drain() {
            match self.msgids.entry(term) {
                Entry::Vacant(place) => drop(place.insert(msgids)),
                Entry::Occupied(mut place) => {
                    msgids.as_slice().iter().for_each(|&msgid| place.get_mut().push(msgid));
                }
            }
        }
        self.messages = self.messages.saturating_add(later.messages);
        self.last = self.last.max(later.last);
        later.clear();
    }

    pub(super) fn clear(&mut self) {
        self.msgids.clear();
        self.messages = 0;
        self.last = 0;
    }

    /// How many messages there are.
    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// The last message; 0 if there is none.
    pub(super) const fn last(&self) -> i64 {
        self.last
    }

    /// The msgids of a term that are greater than `msgid`.
    pub(super) fn after(&self, term: Term, msgid: MsgId) -> &[MsgId] {
        let all = self.of(term);
        all.get(all.partition_point(|&at| at <= msgid)..).unwrap_or_default()
    }

    /// The greatest msgid of a term below `msgid`.
    pub(super) fn before(&self, term: Term, msgid: MsgId) -> Option<MsgId> {
        let all = self.of(term);
        all.get(..all.partition_point(|&at| at < msgid))?.last().copied()
    }

    /// All of them, in the order of the index.
    pub(super) fn sorted(&self) -> Vec<Posting> {
        let postings = |(&term, msgids): (&Term, &MsgIds)| {
            msgids.as_slice().to_vec().into_iter().map(move |msgid| Posting { term, msgid })
        };
        let mut all: Vec<Posting> = self.msgids.iter().flat_map(postings).collect();
        all.sort_unstable();
        all
    }

    fn of(&self, term: Term) -> &[MsgId] {
        self.msgids.get(&term).map_or(&[], MsgIds::as_slice)
    }
}

impl MsgIds {
    fn as_slice(&self) -> &[MsgId] {
        match self {
            Self::One(msgid) => slice::from_ref(msgid),
            Self::Many(msgids) => msgids,
        }
    }

    fn push(&mut self, msgid: MsgId) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, msgid]),
            Self::Many(msgids) => msgids.push(msgid),
        }
    }
}
