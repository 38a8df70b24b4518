//! Those who want a server to fail, or its other clients to. Memory and places are bounded, before
//! a login and after it.

mod announced;
mod in_flight;
mod pings;
mod target;
mod unread;
