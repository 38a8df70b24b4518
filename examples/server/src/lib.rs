//! An example host of `kefu-proto`: real clients, real storage.
//!
//! The rooms, lowest first. Each knows only rooms that stand before it:
//!
//! - `log`: lines for stdout and stderr, which nobody waits for
//! - `signals`: the signals of the process
//! - `uuid`: the `uuid` in a content, by which a repeated message is recognised
//! - `dialect`: which dialect a client gets at its login
//! - `store`: messages, sync keys, device numbers, dialects and offline pushes, embedded or on
//!   NATS
//! - `metrics`: the metrics of `/metrics`
//! - `redis`: the Redis of an existing API service: its accounts, and the queue of its push service
//! - `tokens`: the tokens file
//! - `auth`: who a client is: by the tokens file, or by Redis
//! - `health`: what `/healthz` says
//! - `devices`: how many new devices an account may bring
//! - `pace`: how fast one account is read
//! - `router`: who is connected to this server, and what waits for each connection
//! - `peers`: the other servers of a service on NATS
//! - `forward`: messages to connections of this server and of others
//! - `dispatch`: saves, whose effects are forwarded in the order of the queues
//! - `places`: how many connections there may be
//! - `unreadable`: rows of queues that fit no command
//! - `trace`: a live trace of all messages, for the page
//! - `service`: what all connections of a server share
//! - `engine_io`: the packets of Engine.IO, and its handshake
//! - `ws`: the framing of WebSocket, with and without Engine.IO
//! - `connection`: one task per connection, from its first byte to its end
//! - `tls`: certificate, handshake, and the connections behind it
//! - `http`: HTTP: the page, WebSocket clients, metrics and health
//! - `push`: offline pushes, from the outbox to a sink
//! - `options`: the command line
//! - `server`: starts, accepts connections and stops

mod auth;
mod connection;
mod devices;
pub mod dialect;
mod dispatch;
mod engine_io;
mod forward;
mod health;
mod http;
pub mod log;
mod metrics;
pub mod options;
mod pace;
mod peers;
mod places;
mod push;
mod redis;
mod router;
pub mod server;
mod service;
pub mod signals;
pub mod store;
mod tls;
mod tokens;
mod trace;
mod unreadable;
mod uuid;
mod ws;
