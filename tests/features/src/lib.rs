//! What the optional features add: values as data, and a codec for framed streams.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod framed;
