//! The settings of sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::connection::user_timeout;

/// A listener with room for a burst of connections.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As after a crash, when connections of the server before are still being closed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Sends without delay (S8), and ends a connection whose other end has vanished within `timeout`.
///
/// The system ends it when it has acknowledged nothing for half of the timeout, of data or of the
/// probes of a silent connection.
pub(super) fn prepare(socket: &TcpStream, timeout: Duration) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let most = user_timeout(timeout);
    let between = (most / 6).clamp(SECOND, LONGEST);
    let silence = most.saturating_sub(2 * between).clamp(SECOND, LONGEST);
    let socket = SockRef::from(socket);
    // Progress of a slow reader then shows within seconds, and not when a third of a buffer of some
    // megabytes has gone out.
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_user_timeout(Some(most))?;
    let probes = TcpKeepalive::new().with_time(silence).with_interval(between).with_retries(2);
    socket.set_tcp_keepalive(&probes)
}

/// Connections that may wait to be accepted. The system may allow fewer.
const BACKLOG: u32 = 4096;
/// The most bytes in the system that have never been sent, about.
const UNSENT: u32 = 16 * 1024;
/// The unit of the system's probes.
const SECOND: Duration = Duration::from_secs(1);
/// The longest that Linux takes.
const LONGEST: Duration = Duration::from_secs(32_767);
