//! Why there is no verdict: one line each, with what to do about it.

use std::io;
use std::path::PathBuf;

use kefu_proto::{Account, ZeroId};
use thiserror::Error;
use tokio_rustls::rustls::CertificateError;

use crate::connection::ConnectionError;
use crate::transport::{TlsError, TransportError};

/// What ends the tool with exit status 2.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("--appid and --kefu-appid are both {0}: customers and sellers need different apps")]
    SameApp(i64),
    #[error("--kefu-appid: {0}")]
    KefuApp(#[from] ZeroId),
    #[error("--size {size} is too small: the JSON with its uuid takes {least} bytes")]
    Size { size: usize, least: usize },
    #[error("--transient: version 2 has no transient messages: use --dialect v1 or mixed")]
    Transient,
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{}: {source}: give --write-tokens a file that can be written", path.display())]
    Tokens { path: PathBuf, source: io::Error },
    #[error("{}: {source}: give --record a file that can be written", path.display())]
    Recording { path: PathBuf, source: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print the result: {0}")]
    Output(io::Error),
    #[error("--addr {addr}: {source}: give the server as HOST:PORT")]
    Address { addr: String, source: io::Error },
    #[error("{addr}: {account} cannot log in: {source}: {}", hint(source))]
    Login { addr: String, account: Account, source: ConnectionError },
    #[error("{addr}: the queue of {account} cannot be read: {source}: {}", hint(source))]
    Verification { addr: String, account: Account, source: ConnectionError },
    #[error("{0}")]
    GaveUp(String),
}

fn hint(error: &ConnectionError) -> &'static str {
    match error {
        ConnectionError::Transport(error) => transport_hint(error),
        ConnectionError::Refused(_) => {
            "start the server with the tokens that --write-tokens writes"
        }
        ConnectionError::Closed => "see the server's log; it may be full, or expect --tls or --ws",
        ConnectionError::Silent(_) => "check whether the server is overloaded, or raise --timeout",
        ConnectionError::Undecodable(_)
        | ConnectionError::Unwritable(_)
        | ConnectionError::TooLong(_) => "check that --addr is a server of this protocol",
    }
}

fn transport_hint(error: &TransportError) -> &'static str {
    match error {
        TransportError::Io(error) if is_out_of_files(error) => {
            "allow more open files with `ulimit -n`, or use fewer --customers"
        }
        TransportError::Io(_) | TransportError::Closed => {
            "start the server, or name another with --addr"
        }
        TransportError::Certificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "give --addr a name that is in the certificate",
        TransportError::Certificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "give the server a certificate that is valid today",
        TransportError::Certificate(_) => {
            "give --ca the certificate that has signed it, or itself if it is self-signed"
        }
        TransportError::Tls(_) => "check that this port speaks TLS, or leave out --tls",
        TransportError::WebSocket(_) => "check the port in --addr and the path of --ws",
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    error.raw_os_error() == Some(EMFILE)
}
