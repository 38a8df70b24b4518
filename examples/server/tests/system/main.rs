//! Whole servers over real sockets. One program, so that the server is linked only once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod doors;
mod end_to_end;
mod hostile;
mod redis;
mod service;
mod skipped;
mod start;
mod support;
mod tls;
mod version2;
