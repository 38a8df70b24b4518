//! The Redis of an existing API service: its accounts, and the queue of its push service.

mod accounts;
mod connection;
mod push_json;
mod push_list;

pub use accounts::Accounts;
pub use connection::{ConnectError, Redis, RedisError};
pub use push_list::PushLists;
