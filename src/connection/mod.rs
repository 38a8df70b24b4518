//! The server's side of one connection, without I/O: login, then requests (S1–S7, W7).

mod closed;
mod login;
mod online;
mod request;

pub use closed::Closed;
pub use login::{Authentication, Login, LoginStep};
pub use online::{IDLE_TIMEOUT, Online};
pub use request::Request;
