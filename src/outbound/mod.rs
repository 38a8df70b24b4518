//! What goes out: the chat message itself, or a message that the handler made.

mod borrowed;
mod owned;
mod pair;

pub use borrowed::Outbound;
pub use owned::{DecodeOutboundError, OwnedOutbound};
pub use pair::{LiveAck, LiveCopy};
