//! Hosts that are judged: a sound one in memory, the same with faults, and one behind a socket; and
//! what scripts and clients promise.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod clients;
mod failures;
mod faults;
mod host;
mod knobs;
mod robust;
mod sockets;
mod sound;

use kefu_proto::{AppId, Config};

/// How many steps of shrinking there are at most. Set here, since shrinking is itself tested and the
/// environment may turn it off.
const SHRINK: u32 = 4096;

const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};
