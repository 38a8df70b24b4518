//! What holds for every message, every stream and every session: properties, tried on generated input.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod bodies;
mod codec;
mod handler;
mod strategies;
mod stream;
mod writer;
