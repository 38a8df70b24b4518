//! TLS on both ports: the certificate, the handshake, and what carries the bytes after it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::client::{self, End};
use crate::options::Options;
use crate::server::Shared;

/// What the server proves itself with. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the files of the options; `None` where there are none.
    ///
    /// # Errors
    ///
    /// [`TlsError`], in one line that says what to do.
    pub fn of(options: &Options) -> Result<Option<Self>, TlsError> {
        let files = options.tls_cert.as_deref().zip(options.tls_key.as_deref());
        files.map(|(cert, key)| Self::read(cert, key)).transpose()
    }

    fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_chain(cert)?;
        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::key(key, error))?;
        // Named, so that no other package of a build can change which it is.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|error| TlsError::pair(cert, key, error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Carries a TCP connection to its end. The handshake is a part of the login: both together have that time.
    pub async fn serve(self, socket: TcpStream, shared: Arc<Shared>) -> End {
        let accepted = Instant::now();
        let shaken = tokio::select! {
            shaken = self.shake_hands(socket, shared.limits.login_timeout) => shaken,
            () = shared.stopping.cancelled() => Err(End::Stopping),
        };
        match shaken {
            Ok(stream) => {
                let (reader, writer) = split(stream);
                client::serve(reader, writer, accepted, shared).await
            }
            Err(end) => end,
        }
    }

    async fn shake_hands(
        &self,
        socket: TcpStream,
        most: Duration,
    ) -> Result<TlsStream<TcpStream>, End> {
        // S8: frames go out as they are written.
        socket.set_nodelay(true).map_err(|_| End::Io)?;
        match timeout(most, self.0.accept(socket)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS handshake");
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => End::Left,
                    io::ErrorKind::InvalidData => End::Tls,
                    _ => End::Io,
                })
            }
            Err(_) => Err(End::Tls),
        }
    }
}

/// Takes in TCP connections for HTTP, and hands them on when they have shaken hands.
pub struct TlsListener {
    listener: TcpListener,
    tls: Tls,
    shared: Arc<Shared>,
    /// Those that are at it, each in a task of its own: nobody waits for another.
    shaking: JoinSet<Result<(TlsStream<TcpStream>, SocketAddr), End>>,
}

impl TlsListener {
    pub fn new(listener: TcpListener, tls: Tls, shared: Arc<Shared>) -> Self {
        Self { listener, tls, shared, shaking: JoinSet::new() }
    }
}

/// How long a handshake for HTTP may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Listener for TlsListener {
    type Io = HttpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (HttpStream, SocketAddr) {
        loop {
            tokio::select! {
                (socket, from) = Listener::accept(&mut self.listener) => {
                    let tls = self.tls.clone();
                    self.shaking.spawn(async move {
                        Ok((tls.shake_hands(socket, HANDSHAKE).await?, from))
                    });
                }
                Some(shaken) = self.shaking.join_next() => match shaken {
                    Ok(Ok((stream, from))) => return (HttpStream(stream), from),
                    Ok(Err(End::Tls)) => self.shared.metrics.close(End::Tls.reason()),
                    // As without TLS: who comes to this port and leaves is not counted.
                    Ok(Err(_)) | Err(_) => {}
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A stream that says its end even if it is just dropped, as it is under a WebSocket.
pub struct HttpStream(TlsStream<TcpStream>);

impl Drop for HttpStream {
    fn drop(&mut self) {
        let (socket, session) = self.0.get_mut();
        session.send_close_notify();
        // Who does not read would have to be waited for, and here nobody can wait.
        while session.wants_write() && matches!(session.write_tls(&mut AtOnce(socket)), Ok(1..)) {}
    }
}

/// Writes what a socket takes without waiting.
struct AtOnce<'s>(&'s TcpStream);

impl io::Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// All certificates of a file, the server's own first.
fn read_chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = cert.to_owned();
    match CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Err(pem::Error::Io(source)) => {
            Err(TlsError::Unreadable { option: "--tls-cert", path, source })
        }
        Ok(_) | Err(_) => Err(TlsError::NoCertificate { path }),
    }
}

/// Why a certificate and its key are of no use.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("cannot read {}: {source}; choose another file with {option}", path.display())]
    Unreadable { option: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "no certificate is in {}; give --tls-cert a PEM file with `-----BEGIN CERTIFICATE-----`",
        path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error(
        "no private key is in {}; give --tls-key a PEM file with `-----BEGIN PRIVATE KEY-----`, not encrypted \
         (`openssl pkey` decrypts one)",
        path.display()
    )]
    NoKey { path: PathBuf },
    #[error(
        "the key in {} is not that of the first certificate in {}; give --tls-key and --tls-cert files that belong together",
        key.display(),
        cert.display()
    )]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error(
        "cannot use the certificate in {} with the key in {}: {source}; give --tls-cert and --tls-key another pair",
        cert.display(),
        key.display()
    )]
    Unusable { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

impl TlsError {
    fn key(path: &Path, error: pem::Error) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(source) => Self::Unreadable { option: "--tls-key", path, source },
            _ => Self::NoKey { path },
        }
    }

    fn pair(cert: &Path, key: &Path, source: rustls::Error) -> Self {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        match source {
            rustls::Error::InconsistentKeys(_) => Self::Mismatch { cert, key },
            source => Self::Unusable { cert, key, source },
        }
    }
}
