//! The command line, and the settings of the rooms below that follow from it.

mod account;
mod backend;
mod command_line;
mod limits;
mod redis;
mod streams;
mod values;

pub use account::AccountOptions;
pub use backend::Backend;
pub use command_line::Options;
pub use limits::LimitOptions;
pub use redis::{AuthSource, PushSink};
