//! A judge for hosts: it is told what happens, and answers with the rule that is broken.

// Lowest first: each knows only those above it.
mod event;
mod hash;
mod uuid;
mod wire;

mod terms;
mod violation;

mod clock;
mod form;

mod effect;
mod ledger;

mod known;
mod reading;

mod line;
mod queue;

mod state;

mod acked;
mod delivered;
mod heard;
mod login;
mod owed;
mod said;
mod stored;
mod synced;
mod wrote;

#[allow(clippy::module_inception, reason = "the module has the field's term, and so has its type")]
mod checker;

pub use checker::Checker;
pub use event::{ConnectionId, Event, ServerId};
pub use terms::{Repeats, Terms};
pub use uuid::uuid;
pub use violation::{Seen, Violation, Witness};
