//! One server and its clients, on each store.

mod accounts;
mod conversations;
mod delivery;
mod devices;
mod disk;
mod engine_io;
mod farewell;
mod limits;
mod operator;
mod order;
mod refusals;
mod slow;
mod web;
