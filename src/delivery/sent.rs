//! What a message's own frame said.

use crate::message::Ack;
use crate::wire::Flags;

/// What the sender's frame said that the ACK and the live copies repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sent {
    /// H9.1
    pub(crate) ack: Ack,
    /// Those of its live copies (H14.4).
    pub(crate) flags: Flags,
}
