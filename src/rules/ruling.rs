//! What the rules say of a message that they let go on.

use crate::message::{Parties, Party};

/// What an accepted message is.
#[derive(Clone, Copy)]
pub(crate) struct Ruling {
    pub(crate) parties: Parties,
    /// Which side the sender is on.
    pub(crate) from: Party,
    pub(crate) is_persistent: bool,
}
