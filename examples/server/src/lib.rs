//! An example host of `kefu-proto`: real clients, real storage.

mod auth;
mod client;
pub mod embedded;
mod http;
mod jetstream;
mod metrics;
mod neighbours;
mod online;
pub mod options;
mod push;
mod repeat;
mod router;
pub mod server;
mod store;
mod tls;
mod tokens;
mod trace;
mod wire;
mod ws;
