//! The server's side of a connection, in a server that lives in memory: whole conversations, and
//! the habits of clients.

pub(crate) mod client;
mod conversations;
mod endings;
mod habits;
pub(crate) mod memory;
mod own_rules;
mod repeats;
mod rows;
mod sync;
