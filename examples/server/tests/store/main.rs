//! The embedded store through its public interface.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod basics;
mod bounds;
mod common;
mod corruption;
mod crash;
mod disk;
mod faults;
mod health;
mod kills;
mod log;
mod model;
mod previous;
mod readers;
mod retention;
mod storms;
mod upgrade;
