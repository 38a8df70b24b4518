//! How the server starts, or says why it does not, and how it stops.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod command_line;
mod greeting;
mod refusals;
mod stop;
