//! Those who want a server to fail, or its other clients to; and what an operator sees and does
//! meanwhile.

mod account;
mod announced;
mod close_codes;
mod disk;
mod exposure;
mod fairness;
mod floor;
mod handles;
mod http;
mod in_flight;
mod logins;
mod logs;
mod pings;
mod proxy;
mod signals;
mod silence;
mod syncs;
mod target;
mod unread;
mod vanished;
