//! The server: how it starts, accepts connections and stops.

mod accept;
mod error;
mod open;
mod run;

pub use error::StartError;
pub use run::Server;
