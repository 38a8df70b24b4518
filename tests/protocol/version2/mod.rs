//! Version 2: CUSTOMER_V2 and its effects, METADATA, the status of an ACK, dialects, and syncs in
//! pieces.

mod bounds;
mod dialects;
mod frames;
mod handler;
mod live;
mod sync;
mod told;
