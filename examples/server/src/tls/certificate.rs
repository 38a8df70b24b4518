//! The server's certificate and its private key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::error::TlsError;

/// The TLS configuration of both ports.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads the certificate chain and the private key from PEM files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], in one line that says what to do.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let acceptor = RwLock::new(read_pair(cert, key)?);
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Reads both files again, for all handshakes from now on.
    ///
    /// # Errors
    ///
    /// [`TlsError`]. Then the old certificate stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let acceptor = read_pair(&self.cert, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read_pair(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = read_chain(cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::key(key, error))?;
    // Named, so that no other package of the build can change the provider.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| TlsError::pair(cert, key, error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificates of a file, of which the server's own is the first.
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
