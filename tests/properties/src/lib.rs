//! What holds for every message, every stream and every session: properties, tried on generated input.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod bodies;
mod codec;
mod handler;
mod strategies;
mod stream;
mod writer;

// The strategies belong to an optional feature, and these tests run without it, too. Their module calls the crate's items
// `crate::…`: here, too, they stand at the root.
#[allow(clippy::wildcard_imports, reason = "whatever the strategies need")]
use kefu_proto::*;
#[cfg(not(feature = "proptest"))]
#[path = "../../src/strategy/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "public in the library")]
mod strategy;
