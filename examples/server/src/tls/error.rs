//! Errors of certificates and keys.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;

/// Why a certificate and its key cannot be used.
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
        "no private key is in {}; give --tls-key a PEM file with `-----BEGIN PRIVATE KEY-----`, \
         not encrypted (`openssl pkey` decrypts one)",
        path.display()
    )]
    NoKey { path: PathBuf },
    #[error(
        "the key in {} is not that of the first certificate in {}; give --tls-key and --tls-cert \
         files that belong together",
        key.display(),
        cert.display()
    )]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error(
        "cannot use the certificate in {} with the key in {}: {source}; give --tls-cert and \
         --tls-key another pair",
        cert.display(),
        key.display()
    )]
    Unusable { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

impl TlsError {
    pub(super) fn key(path: &Path, error: pem::Error) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(source) => Self::Unreadable { option: "--tls-key", path, source },
            _ => Self::NoKey { path },
        }
    }

    pub(super) fn pair(cert: &Path, key: &Path, source: rustls::Error) -> Self {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        match source {
            rustls::Error::InconsistentKeys(_) => Self::Mismatch { cert, key },
            source => Self::Unusable { cert, key, source },
        }
    }
}
