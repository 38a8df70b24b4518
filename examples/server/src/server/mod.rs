//! The server: how it starts, accepts connections and stops.

mod accept;
mod error;
mod handles;
mod open;
mod private;
mod proxy_header;
mod reload;
mod run;
mod socket;

pub use error::StartError;
pub use reload::Reload;
pub use run::Server;
