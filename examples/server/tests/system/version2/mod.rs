//! Clients of version 2, alone and beside those of version 1.

mod dialects;
mod live;
mod mixed;
mod oneself;
mod recorded;
mod sync;
mod trace;
