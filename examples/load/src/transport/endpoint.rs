//! One server, and how clients connect to it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::pki_types::ServerName;

use crate::transport::error::{TlsError, TransportError};
use crate::transport::socket::Transport;
use crate::transport::stream::Stream;
use crate::transport::tls::Tls;
use crate::transport::web_socket::WebSocket;

/// What the command line says about connections, the same for all servers.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub(crate) is_tls: bool,
    /// A PEM file with the certificates to trust. `None`: those that the system trusts.
    pub(crate) ca: Option<PathBuf>,
    /// The path of the WebSocket. `None`: frames go over the stream itself.
    pub(crate) web_socket: Option<String>,
}

/// A way to connect to servers.
#[derive(Debug)]
pub(crate) struct Dialer {
    tls: Option<Tls>,
    web_socket: Option<String>,
}

impl Dialer {
    pub(crate) fn new(carrier: &Carrier) -> Result<Self, TlsError> {
        let tls = carrier.is_tls.then(|| Tls::new(carrier.ca.as_deref())).transpose()?;
        Ok(Self { tls, web_socket: carrier.web_socket.clone() })
    }

    /// The server `addr`, which is at `addresses`.
    pub(crate) fn endpoint(
        &self,
        addr: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Endpoint, TlsError> {
        let named = |tls: &Tls| Ok((tls.clone(), name(addr)?));
        let tls = self.tls.as_ref().map(named).transpose()?;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let url = self.web_socket.as_ref().map(|path| format!("{scheme}://{addr}{path}"));
        Ok(Endpoint { addresses, tls, url })
    }
}

/// One server's addresses, and what is spoken there.
#[derive(Debug)]
pub(crate) struct Endpoint {
    addresses: Vec<SocketAddr>,
    tls: Option<(Tls, ServerName<'static>)>,
    url: Option<String>,
}

impl Endpoint {
    /// Connects. `receive_buffer` is for a socket that is to be full soon.
    pub(crate) async fn connect(
        &self,
        receive_buffer: Option<u32>,
    ) -> Result<Transport, TransportError> {
        let stream = self.connect_stream(receive_buffer).await?;
        Ok(match &self.url {
            None => Transport::Bytes(stream),
            Some(url) => Transport::WebSocket(Box::new(WebSocket::connect(url, stream).await?)),
        })
    }

    /// As [`connect`](Self::connect), without WebSocket.
    pub(crate) async fn connect_stream(
        &self,
        receive_buffer: Option<u32>,
    ) -> Result<Stream, TransportError> {
        let socket = self.connect_tcp(receive_buffer).await?;
        socket.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Stream::Tcp(socket),
            Some((tls, name)) => Stream::Tls(Box::new(tls.connect(name.clone(), socket).await?)),
        })
    }

    async fn connect_tcp(&self, receive_buffer: Option<u32>) -> io::Result<TcpStream> {
        let Some(size) = receive_buffer else {
            return TcpStream::connect(&self.addresses[..]).await;
        };
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for &address in &self.addresses {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_recv_buffer_size(size)?;
            match socket.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// The host that the certificate must name.
fn name(addr: &str) -> Result<ServerName<'static>, TlsError> {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name { addr: addr.to_owned() })
}
