//! TLS on both ports: `--tls-cert` and `--tls-key`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod conversations;
mod farewell;
mod pki;
mod start;
mod strangers;
