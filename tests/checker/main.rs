//! The judge judged: what is right it lets pass, what is wrong it finds by its rule.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod conversations;
mod dialects;
mod frames;
mod inside;
mod login;
mod memory;
mod outside;
mod slow;
mod store;
mod sync;
mod uuid;
mod violations;
mod world;
