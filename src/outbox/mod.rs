//! What waits for a connection whose client reads more slowly than others write (S13).

mod bounds;
mod buffer;
mod pushed;
mod queue;

pub use bounds::OutboxBounds;
pub use pushed::{LeftOut, Pushed};
pub use queue::Outbox;
