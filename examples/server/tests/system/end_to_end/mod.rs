//! Whole servers over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod conversations;
mod delivery;
mod disk;
mod farewell;
mod limits;
mod operator;
mod order;
mod refusals;
mod slow;
mod web;
