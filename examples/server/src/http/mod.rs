//! The HTTP port: the page, WebSocket clients, metrics and health.

mod account;
mod operator;
mod page;
mod serve;
mod trace;
mod web_socket;

pub use serve::serve;
