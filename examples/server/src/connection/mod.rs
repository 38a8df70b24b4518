//! One task per connection, from its first byte to its end.

mod admit;
mod end;
mod in_flight;
mod liveness;
mod login;
mod online;
mod pages;
mod serve;
mod socket;
mod sync;

pub use admit::{Guest, start};
pub use end::End;
pub use liveness::Liveness;
pub use serve::{CLOSE_GRACE, serve};
