//! The metrics of `/metrics`.

mod all;
mod connection;
mod label;
mod store;

pub use all::Metrics;
pub use connection::{ConnectionState, CountedConnection};
pub use label::{Eviction, OutboxDrop, Throttle};
