//! How far the answer to a SYNC has come (S2, S12).

use std::vec::Vec;

use super::event::ConnectionId;
use super::form::Dialects;
use super::hash::{Map, Set};
use super::ledger::MessageId;
use super::violation::Witness;
use crate::dialect::Dialect;

/// A sync while it is being answered.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) asked: Witness,
    /// The key that it begins from, where that is known.
    pub(super) begin: Option<i64>,
    /// What SYNC_BEGIN has said.
    pub(super) said: i64,
    /// What was notified or acknowledged before.
    pub(super) due: i64,
    /// Whether the rows of the queue are known.
    pub(super) exact: bool,
    /// One for each dialect that it may have begun in (D1.7).
    pub(super) readers: Vec<Reader>,
}

/// An answer in one dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) dialect: Dialect,
    /// The place of the next row; `None` while that is not known.
    pub(super) next: Option<usize>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// What the host has said of a SYNC before it answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) kept: i64,
    pub(super) due: i64,
    pub(super) dialects: Dialects,
    /// The event.
    pub(super) at: u64,
}

/// An answer that has ended: what was acknowledged before its SYNC must be there, if nothing tells
/// that the queue goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) asked: Witness,
    pub(super) end: i64,
    pub(super) due: i64,
}

/// What a client has read, by one SYNC after the other, where the store is not seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// From where on.
    pub(super) begin: i64,
    /// What it has read, apart from what has been checked.
    pub(super) seen: Set<MessageId>,
    /// The latest message of each connection among them.
    pub(super) order: Map<ConnectionId, u64>,
    /// How many acknowledged messages of the queue have been checked.
    pub(super) checked: usize,
    /// The last answer has ended, and may be full.
    pub(super) ended: Option<Ended>,
}
