//! The host under test, as a script sees it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;

use crate::checker::{Checker, ConnectionId, ServerId};
use crate::id::UnixTime;

/// What a host could not do, or the [`Violation`](crate::checker::Violation) that the checker has
/// answered when the host told it about an event.
pub type HostError = Box<dyn Error + Send + Sync>;

/// A host under test, in the same process or behind a socket.
///
/// A script asks for one thing after the other, and it ends each step with a PING on every
/// connection, whose PONG it waits for. So a host that does all its work in
/// [`receive`](Self::receive) and a server with threads of its own fit alike. An adapter for a
/// server behind a socket:
///
/// ```
/// use std::collections::HashMap;
/// use std::io::{Read, Write};
/// use std::net::{SocketAddr, TcpStream};
/// use std::time::{Duration, SystemTime};
///
/// use kefu_proto::UnixTime;
/// use kefu_proto::checker::{Checker, ConnectionId};
/// use kefu_proto::script::{Host, HostError};
///
/// struct Server {
///     addr: SocketAddr,
///     connections: HashMap<ConnectionId, TcpStream>,
/// }
///
/// impl Host for Server {
///     fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
///         let stream = TcpStream::connect(self.addr)?;
///         stream.set_nodelay(true)?;
///         stream.set_read_timeout(Some(Duration::from_secs(10)))?;
///         self.connections.insert(connection, stream);
///         Ok(())
///     }
///
///     fn receive(
///         &mut self,
///         connection: ConnectionId,
///         bytes: &[u8],
///         _: &mut Checker,
///     ) -> Result<(), HostError> {
///         Ok((&self.connections[&connection]).write_all(bytes)?)
///     }
///
///     fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
///         let Some(stream) = self.connections.get_mut(&connection) else { return Ok(vec![]) };
///         let mut bytes = vec![0; 16 * 1024];
///         let length = stream.read(&mut bytes)?;
///         bytes.truncate(length);
///         Ok(bytes)
///     }
///
///     fn close(&mut self, connection: ConnectionId) {
///         self.connections.remove(&connection);
///     }
///
///     fn now(&self) -> UnixTime {
///         UnixTime::saturating_from(SystemTime::now())
///     }
///
///     fn wait(&mut self) -> bool {
///         std::thread::sleep(Duration::from_millis(10)); // a notify may be on its way
///         true
///     }
/// }
/// ```
pub trait Host {
    /// A client connects. Numbers begin at 1 with each script and are not used again.
    ///
    /// # Errors
    ///
    /// The connection cannot be opened. That fails the script.
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError>;

    /// A client has sent these bytes, which may be any part of its stream. What happens inside the
    /// host it may tell the `checker`; that makes the checker demand more, but is not needed. If the
    /// clock moves meanwhile, it says so first ([`Event::Time`](crate::checker::Event::Time)).
    ///
    /// # Errors
    ///
    /// The host cannot go on, or the checker has answered a violation. Either fails the script.
    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        checker: &mut Checker,
    ) -> Result<(), HostError>;

    /// What the host has written for the client since it was last asked. A host behind a socket
    /// waits until there is something; nothing then means that the connection has ended. For a
    /// connection that has been closed, it is what the host writes even so: nothing, if it is
    /// sound.
    ///
    /// # Errors
    ///
    /// Nothing can be read. That fails the script. A host behind a socket needs a timeout.
    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError>;

    /// The client is gone, and with it what it has not read.
    fn close(&mut self, connection: ConnectionId);

    /// The server's clock. A host in the same process best has one of its own, which every message
    /// advances: then no timestamp can be mistaken for another (H4.1).
    fn now(&self) -> UnixTime;

    /// Where the connection is. By default there is one server only, `ServerId(0)`.
    fn server(&self, connection: ConnectionId) -> ServerId {
        let _ = connection;
        ServerId(0)
    }

    /// One save is to fail, after so many more have succeeded, 0 for the next one. By default a
    /// host has a store that never fails. A host whose saves do fail says so in its terms
    /// ([`Terms::saves_may_fail`]), or tells the checker each time.
    ///
    /// [`Terms::saves_may_fail`]: crate::checker::Terms::saves_may_fail
    fn fail_save(&mut self, after: u32) {
        let _ = after;
    }

    /// All is quiet, but the checker misses something. A host that tells nobody when it is ready
    /// waits for a moment, some milliseconds, and returns true: then clients read once more, up to
    /// 25 times. By default there is nothing to wait for.
    ///
    /// A script that fails waits that long, and so does each shorter one that is tried: for such a
    /// host `max_shrink_iters` of proptest is best set to some 100.
    fn wait(&mut self) -> bool {
        false
    }
}
