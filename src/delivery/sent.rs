//! What a message's own frame said.

use crate::id::Seq;
use crate::wire::Flags;

/// What the sender's frame said that the ACK and the live copies repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sent {
    pub(crate) seq: Seq,
    pub(crate) flags: Flags,
}
