//! Servers beside an API service that keeps accounts and pushes in Redis.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod devices;
mod logins;
mod outage;
mod pushes;
mod start;
mod sync_keys;

use support::redis::Redis;
use support::server::Server;

/// A server that looks accounts up in Redis and puts pushes there.
async fn neighbour_of(redis: &Redis) -> Server {
    Server::start(&["--auth", &redis.url(), "--push", &redis.url()]).await
}
