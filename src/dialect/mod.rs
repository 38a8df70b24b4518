//! One chat in three dialects: in which form a connection gets its messages (D1–D3).

mod chat;
mod choice;
mod form;

pub(crate) use chat::Chat;
pub use choice::Dialect;
pub(crate) use form::{Alone, Written};
