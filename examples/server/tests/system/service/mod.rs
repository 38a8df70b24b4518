//! Several servers on NATS as one service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod conversations;
mod delivery;
mod kills;
mod outage;
mod pushes;
mod service;
mod settings;
mod way;
mod without_nats;
