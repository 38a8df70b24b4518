//! The index: which messages are in a queue, and which have a mark.
//!
//! It is an inverted index as search engines have: a [`Term`] has an ascending list of msgids, its
//! postings. With an index of rows, each message of another account would change a page of its
//! own. Here postings are gathered in memory, and written sorted and in bulk.
//!
//! # Runs
//!
//! A run has the postings of a range of messages, sorted by term. It does not change. A flush makes
//! a run of what was gathered; eight adjacent runs of a level are merged into one of the next. So a
//! posting is written once for each level, and with seven runs of a level at most that wait to be
//! merged, a term is looked up in few of them. Deleted messages are left out when runs are merged.
//!
//! A run is stored as blocks of packed postings, each a row that fits a page, and a fence for each
//! block, which is its first posting. A Bloom filter for each run is kept in memory, so that 99 of
//! 100 runs without the term are not asked.
//!
//! # Steps
//!
//! [`Index::step`] does a bounded part of the work, in a transaction of the caller. A run is
//! invisible until it is complete. The transaction that makes it visible makes the runs dead that
//! it was merged from; what they have stored is deleted in later steps. A reader's snapshot still
//! has them. After a crash there is nothing to recover: unfinished runs are dead, and what no
//! visible run has is flushed again.
//!
//! # Memory
//!
//! A filter has 10 bits for each term, up to 32 MiB a run. A merge has a page of each source, and
//! the filter of its run; there is one merge a level at most.
//!
//! # Damage
//!
//! Blocks and filters have checksums. A damaged block fails what needs it, and its run is not
//! merged any more; a damaged filter is not used. If all rows of `run` are deleted, the index is
//! empty at the next start.

mod block;
mod blocks;
mod budget;
mod build;
mod checksum;
mod cursor;
mod filter;
mod flush;
mod merge;
mod parts;
mod plan;
mod reader;
mod sweep;
mod tables;
mod term;
mod upkeep;
mod varint;
mod visible;

pub(super) use reader::Reader;
pub(super) use tables::TABLES;
pub(super) use term::{Posting, Term};
pub(super) use upkeep::Index;
pub(super) use visible::Filters;

#[cfg(test)]
mod tests;
