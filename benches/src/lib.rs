//! What the benchmarks share: the messages, the two sides that are compared, and the reading of what was measured.

pub mod counts;
pub mod floor;
pub mod host;
mod plots;
pub mod ratios;
pub mod report;
pub mod results;
pub mod rig;
