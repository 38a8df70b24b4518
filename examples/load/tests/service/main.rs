//! The load tool against `kefu-server` and `examples/threaded.rs`, in all the ways that it connects
//! and with all the trouble that it can make.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod carriers;
mod server;
mod trouble;
