//! One task per connection, from its first byte to its end.

mod admit;
mod clock;
mod end;
mod finish;
mod framing;
mod hold;
mod in_flight;
mod log;
mod login;
mod online;
mod output;
mod serve;
mod socket;
mod sync;
mod take;
mod transport;

pub use admit::{Guest, start};
pub use end::End;
pub use framing::Framing;
pub use log::EndLog;
pub use serve::serve;
pub use transport::{Transport, user_timeout};
