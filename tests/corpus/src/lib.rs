//! The fuzz targets. Each takes any bytes as one case and panics at a finding. The fuzzer runs
//! them; `cargo test` replays its inputs.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is a finding")]

mod connection;
mod frames;
mod input;
mod messages;
mod reference;
mod roundtrip;

pub use self::connection::connection;
pub use self::frames::frames;
pub use self::messages::messages;
pub use self::roundtrip::roundtrip;
