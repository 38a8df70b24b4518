//! The embedded store through its public interface.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod basics;
mod common;
mod crash;
mod faults;
mod previous;
mod upgrade;
