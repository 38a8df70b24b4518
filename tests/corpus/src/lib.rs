//! The fuzz targets. Each takes any bytes as one case and panics at a finding. The fuzzer runs
//! them; `cargo test` replays its inputs.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is a finding")]

mod answer;
mod chat;
mod connection;
mod dialects;
mod frames;
mod input;
mod messages;
mod outbox;
mod outgoing;
mod reference;
mod roundtrip;

pub use self::connection::connection;
pub use self::dialects::dialects;
pub use self::frames::frames;
pub use self::messages::messages;
pub use self::roundtrip::roundtrip;
