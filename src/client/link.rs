//! What a client knows of its present connection.

use alloc::collections::VecDeque;

use crate::id::{MsgId, Seq};
use crate::message::Metadata;

/// Forgotten with the connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The number of the last frame that was sent.
    pub(super) last: Seq,
    pub(super) is_logged_in: bool,
    pub(super) pongs: u64,
    /// The keys of the SYNCs that wait for their SYNC_END, oldest first.
    pub(super) asked: VecDeque<MsgId>,
    /// The greatest SYNC_NOTIFY since the last SYNC was sent.
    pub(super) heard: MsgId,
    /// It belongs to the next frame (W10.3).
    pub(super) metadata: Option<Metadata>,
}

impl Link {
    pub(super) const fn new() -> Self {
        Self {
            last: Seq(0),
            is_logged_in: false,
            pongs: 0,
            asked: VecDeque::new(),
            heard: MsgId(0),
            metadata: None,
        }
    }
}
