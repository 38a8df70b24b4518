//! The HTTP port: the page and WebSocket clients; and the operator's: metrics and health.

mod account;
mod guest;
mod operator;
mod origin;
mod page;
mod routes;
mod serve;
mod trace;
mod web_socket;

pub use routes::{operator, public};
pub use serve::serve;
