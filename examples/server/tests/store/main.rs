//! The store through its public face.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod basics;
mod common;
mod crash;
mod faults;
