//! What an API service that already runs keeps in Redis: whose token is whose, and the queue of its push service.

mod accounts;
mod options;
mod push_queue;
mod redis;

pub use accounts::Accounts;
pub use options::{AuthSource, Neighbours, PushSink};
pub use push_queue::PushQueue;
pub use redis::{ConnectError, Redis, RedisError};
