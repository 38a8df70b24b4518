//! The index: which messages are in a queue, and which have a mark.
//!
//! It is an inverted index as search engines have: each [`Term`] has an ascending list of msgids.

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
