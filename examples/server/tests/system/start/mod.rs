//! How the server starts, why it refuses to, and how it stops.

mod command_line;
mod greeting;
mod refusals;
mod stop;
