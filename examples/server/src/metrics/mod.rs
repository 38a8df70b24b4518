//! The metrics of `/metrics`.

mod all;
mod connection;
mod label;
mod series;
mod store;

pub use all::Metrics;
pub use connection::CountedConnection;
pub use label::ConnectionState;
