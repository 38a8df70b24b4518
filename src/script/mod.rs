//! Property tests of a host: scripts of several clients, played to it while a
//! [`Checker`](crate::checker::Checker) looks on.
//!
//! [`script`] is a strategy for proptest; [`Knobs`] say who takes part, and how often what happens.
//! [`Script::play`] makes real clients of the [cast](Knobs::customers), feeds the host with their
//! bytes through the trait [`Host`], and the checker with the bytes of both directions. A failure
//! names the step, the rule that the host breaks, and what the clients have been doing; proptest
//! then looks for a shorter script that fails.
//!
//! With an adapter for a host, the test is this. The [guide](crate::guide) builds a whole host in
//! memory and its adapter; [`Host`] shows the one for a server behind a socket.
//!
//! ```
//! # use kefu_proto::script::HostError;
//! use kefu_proto::checker::{Checker, ConnectionId, Terms};
//! use kefu_proto::script::{Host, Knobs, script};
//! use kefu_proto::{AppId, Config, UnixTime};
//! use proptest::prelude::*;
//!
//! #[derive(Default)]
//! struct MyHost { /* … */ }
//!
//! impl Host for MyHost { /* … */
//! #     fn open(&mut self, _: ConnectionId) -> Result<(), HostError> { Ok(()) }
//! #     fn receive(
//! #         &mut self, _: ConnectionId, _: &[u8], _: &mut Checker,
//! #     ) -> Result<(), HostError> { Ok(()) }
//! #     fn take_output(&mut self, _: ConnectionId) -> Result<Vec<u8>, HostError> { Ok(vec![]) }
//! #     fn close(&mut self, _: ConnectionId) {}
//! #     fn now(&self) -> UnixTime { UnixTime::from(0) }
//! }
//!
//! let terms = Terms::new(Config::new(AppId(1453))?);
//! let mut runner = proptest::test_runner::TestRunner::default();
//! let verdict = runner.run(&script(&Knobs::default()), |script| {
//!     script.play(&mut MyHost::default(), &mut Checker::new(terms))?;
//!     Ok(())
//! });
//! assert!(verdict.is_err()); // this host answers nothing
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod cast;
mod failure;
mod generate;
mod host;
mod knobs;
mod peer;
mod plan;
mod play;
mod refused;
mod roll;
mod step;

pub use failure::Failure;
pub use generate::script;
pub use host::{Host, HostError};
pub use knobs::Knobs;
pub use plan::Script;
