//! Loads any server of this protocol over the wire, then reads the queues back and checks them.
//!
//! The program `kefu-load` is a command line around [`run`]. Tests call [`run`] themselves.

mod args;
mod arrivals;
mod connection;
mod content;
mod customer;
mod disturbers;
mod failure;
mod follower;
mod judge;
mod leaving;
mod ledger;
mod pairs;
mod pauses;
mod plan;
mod progress;
mod record;
mod report;
mod run;
mod seller;
mod service;
mod shares;
mod stages;
mod transport;
mod trouble;
mod verify;
mod window;

pub use args::{Args, Check, Dialect};
pub use failure::Failure;
pub use follower::Live;
pub use judge::{Broken, Routing};
pub use ledger::Verdict;
pub use progress::Progress;
pub use report::Report;
pub use trouble::{Churn, Flood, Hostile, Repeat, Slow, Trouble};

use plan::Plan;

/// Runs a load to its end. A report that [is not clean](Report::is_clean) is no error.
pub async fn run(args: &Args, progress: Progress) -> Result<Report, Failure> {
    stages::run(Plan::new(args)?, progress).await
}

/// The tokens file (TOML) that a server needs for this load.
pub fn tokens(args: &Args) -> Result<String, Failure> {
    Ok(Plan::new(args)?.tokens())
}

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
