//! How the server starts, why it refuses to, and how it stops.

mod command_line;
mod greeting;
mod handles;
mod modes;
mod refusals;
mod reload;
mod signals;
mod stop;
mod streams;
