//! What a host promises where the rules leave it a choice.

use crate::id::{Account, StoreId};
use crate::identity::Config;
use crate::sync::SyncBounds;

/// What a host promises where the rules leave it a choice.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself")]
#[non_exhaustive]
pub struct Terms {
    /// The kefu app.
    pub config: Config,
    /// What the store does with a repeat (S10). Default: [`Repeats::Stored`].
    pub repeats: Repeats,
    /// Where an answer to a SYNC ends (S12.1). Default: [`SyncBounds::default`]; `None` if the host
    /// chooses freely.
    pub sync_bounds: Option<SyncBounds>,
    /// The shop of a customer and a seller, which the host puts into a message of version 2 for
    /// clients of version 1 (D2.4). Default: `None`, any shop will do.
    pub store_id: Option<fn(customer: Account, seller: Account) -> StoreId>,
    /// Whether the host chooses dialects by what it knows of its clients (D1.5). Then a login tells
    /// nothing. Default: `false`.
    pub chooses_dialects: bool,
    /// Whether the host remembers what its clients have shown (D1.8). Default: `false`.
    pub remembers_dialects: bool,
    /// Whether the host has rules of its own, by which it may refuse a message (H11.3). Default:
    /// `false`.
    pub has_own_rules: bool,
    /// Whether saves may fail unseen: then a message may get no ACK (H8.1). Where the store is seen,
    /// its failures are, too. Default: `false`.
    pub saves_may_fail: bool,
    /// Whether all queues are empty when the checker comes. Default: `true`.
    pub begins_empty: bool,
    /// Whether nobody else writes to the accounts of whom the checker sees something. If others do,
    /// what bytes alone show of notifies and of synced messages is judged less. Default: `true`.
    pub sees_everybody: bool,
    /// Whether the host leaves out live copies and unpersistent messages for which a connection has
    /// no room (S13.3, S13.4). Then nobody is owed one. Default: `false`.
    pub leaves_out: bool,
    /// How many notifies a connection may get that no message accounts for, where bytes alone are
    /// seen: a host whose servers may lose what they tell each other notifies of the newest message
    /// once more. With such servers unpersistent messages may be lost between them, too. Default: 0.
    pub spare_notifies: u32,
    /// By how many seconds the clocks of the servers may differ from [`Event::Time`].
    /// Default: 0.
    ///
    /// [`Event::Time`]: super::Event::Time
    pub clock_error: u32,
    /// How many rows of all queues, and how many messages that are over, are remembered. What is
    /// older is not judged any more. 100,000 take some 60 MB. Default: 1,000,000.
    pub memory: usize,
}

/// What a store does with a repeat (S10).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Repeats {
    /// It may store it again.
    Stored,
    /// It keeps each message that has a mark once (S10.2).
    Once {
        /// The mark in a content, if there is one. That of S10.1 is [`uuid`](super::uuid).
        mark: fn(content: &[u8]) -> Option<&[u8]>,
    },
}

impl Repeats {
    /// S10 as it is written: the mark is the `uuid`.
    pub const UUID: Self = Self::Once { mark: super::uuid::uuid };
}

impl Terms {
    /// The defaults, for this kefu app.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            repeats: Repeats::Stored,
            sync_bounds: Some(SyncBounds::default()),
            store_id: None,
            chooses_dialects: false,
            remembers_dialects: false,
            has_own_rules: false,
            saves_may_fail: false,
            begins_empty: true,
            sees_everybody: true,
            leaves_out: false,
            spare_notifies: 0,
            clock_error: 0,
            memory: 1_000_000,
        }
    }
}
