//! Those who want a server to fail, or its other clients to. Memory and places are bounded, before
//! a login and after it.

mod announced;
mod floor;
mod handles;
mod http;
mod in_flight;
mod logins;
mod pings;
mod target;
mod unread;
