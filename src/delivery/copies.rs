//! What a store answers.

use crate::id::MsgId;

/// What a store answers for both copies of a message.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Copies {
    /// The copy in the receiver's queue: the receiver is notified with its id (H7.4).
    pub receiver: Appended,
    /// The copy in the sender's queue: the sender's other login points are notified with its id
    /// (H7.5).
    pub sender: Appended,
}

/// What a store answers for one copy.
///
/// A [`MsgId`] converts into it, for a store that does not know what was there before.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Appended {
    /// The id under which the copy is stored.
    pub msgid: MsgId,
    /// The id that was the newest in that queue right before: `MsgId(0)` where there was none,
    /// `None` where the store does not know.
    ///
    /// Of a message to oneself, the sender's copy comes right behind the receiver's.
    ///
    /// Clients of version 2 take a live copy only if this is the last msgid that they have seen, so
    /// never guess: without it they learn of the message by its SYNC_NOTIFY (H14.9). For a repeat
    /// (S10) it is what the first save was answered, or `None`.
    pub previous: Option<MsgId>,
}

impl From<MsgId> for Appended {
    #[inline]
    fn from(msgid: MsgId) -> Self {
        Self { msgid, previous: None }
    }
}
