//! What the fuzzer runs and `cargo test` replays: any input is one case, and a panic is a finding.

#![allow(clippy::unwrap_used, reason = "a target that cannot go on has found something")]

mod connection;
mod frames;
mod input;
mod messages;
mod reference;
mod roundtrip;

pub(crate) use self::connection::connection;
pub(crate) use self::frames::frames;
pub(crate) use self::messages::messages;
pub(crate) use self::roundtrip::roundtrip;
