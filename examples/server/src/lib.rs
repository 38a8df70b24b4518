//! An example host of `kefu-proto`: real clients, real storage.

mod client;
mod http;
mod metrics;
mod online;
pub mod options;
mod push;
mod router;
pub mod server;
pub mod store;
mod tokens;
mod trace;
mod wire;
mod ws;
