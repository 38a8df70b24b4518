//! Servers that share a Redis with an API service: accounts, devices, sync keys, pushes.

mod devices;
mod logins;
mod outage;
mod pushes;
mod start;
mod sync_keys;

use crate::support::redis::Redis;
use crate::support::server::Server;

/// A server that looks accounts up in Redis and puts pushes there.
async fn server_with(redis: &Redis) -> Server {
    Server::start(&["--auth", &redis.url(), "--push", &redis.url()]).await
}
