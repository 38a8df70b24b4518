//! The command line, and the settings of the rooms below that follow from it.

mod backend;
mod command_line;
mod redis;
mod streams;
mod values;

pub use backend::Backend;
pub use command_line::Options;
pub use redis::{AuthSource, PushSink};
