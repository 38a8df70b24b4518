//! Who is connected to this server, and what waits for each connection.

mod mailbox;
mod table;

pub use mailbox::{Called, ConnectionId, Dismissal};
pub use table::{Router, RouterBounds, Seat};
