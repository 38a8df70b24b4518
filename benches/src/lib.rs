//! What the benchmarks share: the messages, the two sides of the comparison, and the evaluation of
//! measurements.

pub mod counts;
pub mod floor;
pub mod host;
mod plots;
pub mod ratios;
pub mod report;
pub mod results;
pub mod rig;
pub mod watched;
