//! A judge for hosts: it is told what happens, and answers with the rule that is broken.

#[allow(
    clippy::module_inception,
    reason = "the module is named after the field's term, and so is its type"
)]
mod checker;
mod event;
mod terms;
mod violation;

pub use checker::Checker;
pub use event::{ConnectionId, Event, ServerId};
pub use terms::{Repeats, Terms};
pub use violation::{Seen, Violation, Witness};
