//! Where messages, sync keys, device numbers and offline pushes are kept.

pub mod embedded;
mod error;
mod handle;
mod health;
pub mod jetstream;
mod observer;
mod outbox;
mod page;
mod push;

pub use error::StoreError;
pub use handle::{PendingSave, QueueReader, Store};
pub use health::Problem;
pub use observer::{Group, Observer, PushBound, Pushes, SaveFailure, WaitingPushes};
pub use outbox::PushBatch;
pub use page::{Page, PageBounds};
pub use push::{Push, PushBounds, PushEntry};
