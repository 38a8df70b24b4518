//! TLS: whom clients trust.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::transport::error::{TlsError, TransportError};

/// The TLS configuration of all clients. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the certificates of a PEM file, or those that the system trusts.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, TlsError> {
        let roots = ca.map_or_else(system_roots, read_roots)?;
        // Named, so that no other package of the build can change the provider.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) async fn connect(
        &self,
        name: ServerName<'static>,
        socket: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TransportError> {
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector.connect(name, socket).await.map_err(TransportError::of_handshake)
    }
}

fn read_roots(ca: &Path) -> Result<RootCertStore, TlsError> {
    let path = ca.to_owned();
    match CertificateDer::pem_file_iter(ca).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(certificates) => roots_of(certificates).ok_or_else(|| TlsError::NoCertificate { path }),
        Err(pem::Error::Io(source)) => Err(TlsError::Unreadable { path, source }),
        Err(_) => Err(TlsError::NoCertificate { path }),
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    roots_of(rustls_native_certs::load_native_certs().certs).ok_or(TlsError::NoRoots)
}

/// `None` if there is not one that can be used.
fn roots_of(certificates: Vec<CertificateDer<'static>>) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    (added > 0).then_some(roots)
}
