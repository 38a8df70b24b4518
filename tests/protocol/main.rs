//! What the library promises, tried through its public interface.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connection;
mod decision_table;
mod forwarded;
mod messages;
mod outbox;
mod own_rules;
mod untrusted;
mod version2;
