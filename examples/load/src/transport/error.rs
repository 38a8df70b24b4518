//! Why a socket cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::CertificateError;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;

/// Why a connection could not be made, or broke.
#[derive(Debug, Error)]
pub enum TransportError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the server's certificate is not accepted: {0}")]
    Certificate(CertificateError),
    #[error("no TLS: {0}")]
    Tls(io::Error),
    #[error("no WebSocket: {0}")]
    WebSocket(Box<tungstenite::Error>),
    /// The WebSocket or the TLS stream broke off.
    #[error("the server has closed the connection")]
    Closed,
}

impl TransportError {
    /// Of a TLS handshake.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let source = error.get_ref().and_then(|source| source.downcast_ref());
        match source {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::Certificate(reason.clone()),
            _ => Self::Tls(error),
        }
    }
}

impl From<tungstenite::Error> for TransportError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Io(error) => error.into(),
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => Self::Closed,
            error => Self::WebSocket(Box::new(error)),
        }
    }
}

/// Why TLS cannot be used at all.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("cannot read {}: {source}: give --ca another file", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "no certificate is in {}: give --ca a PEM file with `-----BEGIN CERTIFICATE-----`",
        path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error("this system has no CA certificates: give them with --ca")]
    NoRoots,
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
    #[error("--addr {addr}: with --tls, give a host name or an IP address before the port")]
    Name { addr: String },
}
