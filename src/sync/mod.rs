//! The answer to one SYNC: what a queue holds for one device (S2, S6, S12, D4).

mod answer;
mod bounds;
mod reader;
mod request;
mod row;
mod stored;

pub use answer::SyncAnswer;
pub(crate) use answer::Time;
pub use bounds::SyncBounds;
pub(crate) use reader::Reader;
pub use request::SyncRequest;
pub use row::SyncRow;
pub use stored::StoredMessage;
