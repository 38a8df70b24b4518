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

const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};
