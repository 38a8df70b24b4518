//! What the optional features add: values as data, and a codec for framed streams.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

#[cfg(feature = "serde")]
mod data;
#[cfg(feature = "tokio-util")]
mod framed;
