//! `examples/threaded.rs` with faults in it: the example itself, and at most one wrong decision.
//!
//! The build script makes it from the example, by the changes in `build`. What a judge of hosts is
//! worth shows in what it says of these.

/// The example, changed.
mod host {
    mod inside;
    mod wrong;

    include!(concat!(env!("OUT_DIR"), "/threaded.rs"));
}

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::{io, thread};

use kefu_proto::checker::Event;

/// Is told what happens inside a host, in its order, under the host's lock.
pub type Watch = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// A message with this in its content is not stored: the first save fails (H8).
pub const FIRST_SAVE_FAILS: &str = "the first save fails";
/// A message with this in its content is stored for its receiver alone: the second save fails (H8).
pub const SECOND_SAVE_FAILS: &str = "the second save fails";

/// A wrong decision.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// In words with hyphens between them.
    pub name: &'static str,
    /// The rule of the document that it breaks.
    pub rule: &'static str,
    /// What the host does, in a sentence.
    pub what: &'static str,
}

/// All faults.
pub const FAULTS: &[Fault] = include!(concat!(env!("OUT_DIR"), "/faults.rs"));

/// At most one fault.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Chosen(Option<&'static str>);

impl Chosen {
    /// A sound host.
    pub const NONE: Self = Self(None);

    /// The fault with this name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let fault = FAULTS.iter().find(|fault| fault.name == name)?;
        Some(Self(Some(fault.name)))
    }

    fn is(self, name: &str) -> bool {
        self.0 == Some(name)
    }
}

/// Runs a host until its process ends. `ready` is told where clients connect.
///
/// # Errors
///
/// The address cannot be listened on, or `ready` fails.
pub fn run(
    listen: &str,
    fault: Chosen,
    watch: Option<Watch>,
    ready: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> Result<(), Box<dyn Error>> {
    host::run(listen, fault, watch, ready)
}

/// Starts a host in threads of this process, which run until it ends. Returns where clients
/// connect.
///
/// # Errors
///
/// No port can be listened on.
pub fn start(fault: Chosen, watch: Option<Watch>) -> io::Result<SocketAddr> {
    let (ready, addr) = channel();
    thread::Builder::new().spawn(move || {
        let ready = |addr| ready.send(addr).map_err(io::Error::other);
        if let Err(error) = run("127.0.0.1:0", fault, watch, ready) {
            eprintln!("the host: {error}");
        }
    })?;
    addr.recv().map_err(io::Error::other)
}
