//! Why a server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::redis;
use crate::store::{embedded, jetstream};
use crate::tls::TlsError;
use crate::tokens::TokensError;

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(
        "the hard limit of file handles is {limit}, and at least {needed} are needed: raise it \
         (ulimit -Hn, or LimitNOFILE= of systemd)"
    )]
    FewHandles { limit: usize, needed: usize },
    #[error("cannot use {}: {source}; choose another folder with --data", path.display())]
    DataFolder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Embedded(#[from] embedded::OpenError),
    #[error(transparent)]
    JetStream(#[from] jetstream::ConnectError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Redis(#[from] redis::ConnectError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error(
        "there is no {}: say with --tokens or --auth who may log in, since demo tokens are only for \
         loopback addresses, and --listen or --http is none",
        path.display()
    )]
    NoTokens { path: PathBuf },
    #[error("cannot listen on {address}: {source}; choose another address with {option}")]
    Port { option: &'static str, address: SocketAddr, source: io::Error },
}
