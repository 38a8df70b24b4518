//! The same whole servers as in `end_to_end`, on NATS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

#[path = "end_to_end/conversations.rs"]
mod conversations;
#[path = "end_to_end/delivery.rs"]
mod delivery;
#[path = "end_to_end/farewell.rs"]
mod farewell;
#[path = "end_to_end/limits.rs"]
mod limits;
#[path = "end_to_end/operator.rs"]
mod operator;
#[path = "end_to_end/order.rs"]
mod order;
#[path = "end_to_end/refusals.rs"]
mod refusals;
#[path = "end_to_end/slow.rs"]
mod slow;
#[path = "end_to_end/web.rs"]
mod web;
