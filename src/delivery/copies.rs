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

/// What a store answers for one copy. Any [`MsgId`] converts into it.
///
/// Non-exhaustive: version 2 of the protocol also asks for the msgid before, where a store knows
/// it.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Appended {
    /// The id under which the copy is stored.
    pub msgid: MsgId,
}

impl From<MsgId> for Appended {
    #[inline]
    fn from(msgid: MsgId) -> Self {
        Self { msgid }
    }
}
