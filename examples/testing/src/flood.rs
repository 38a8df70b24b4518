//! Sends much to a peer that may stop reading.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::within;

/// A peer that has taken nothing for so long does not read any more.
const QUIET: Duration = Duration::from_secs(2);

/// Writes this again and again, until it was `most` bytes or the peer reads no more. Returns how
/// many bytes the peer, or the system on its behalf, has taken.
pub async fn flood(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], most: usize) -> usize {
    let mut taken = 0;
    while taken < most {
        let rest = &bytes[taken % bytes.len()..];
        match timeout(QUIET, stream.write(rest)).await {
            Ok(Ok(written)) => taken += written,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    taken
}

/// All that comes until the peer closes the connection.
pub async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut heard = Vec::new();
    // A RST is an end, too.
    let _ = within("the end of a connection", stream.read_to_end(&mut heard)).await;
    heard
}

/// Connects from an address of this machine: all of 127.0.0.0/8 are.
pub async fn connect_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    within("a connection", socket.connect(to)).await.unwrap()
}

/// A connection that holds little of what nobody reads.
pub async fn connect_narrowly(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    within("a connection", socket.connect(to)).await.unwrap()
}
