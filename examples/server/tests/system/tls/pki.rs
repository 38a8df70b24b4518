//! Certificates, servers that have them, and clients that trust them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, io};

use kefu_proto::Account;
use kefu_testing::client::Client;
use kefu_testing::http::{Answer, ask};
use kefu_testing::websocket::WebSocket;
use kefu_testing::{until, within};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::support::server::Server;

const NAME: &str = "localhost";

/// A certificate and its key, in files.
pub struct Pki {
    pub folder: TempDir,
    pub cert: PathBuf,
    pub key: PathBuf,
    roots: Arc<RootCertStore>,
}

impl Pki {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let (cert_file, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert_file, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        Self { folder, cert: cert_file, key, roots: Arc::new(roots) }
    }

    pub fn options(&self) -> [&str; 4] {
        ["--tls-cert", self.cert.to_str().unwrap(), "--tls-key", self.key.to_str().unwrap()]
    }

    pub async fn connect(&self, addr: SocketAddr) -> TlsStream<TcpStream> {
        let socket = within("a connection", TcpStream::connect(addr)).await.unwrap();
        self.shake_hands(socket, ALL_VERSIONS).await
    }

    /// Whether the server at this address has the certificate.
    pub async fn trusts(&self, addr: SocketAddr) -> bool {
        let socket = within("a connection", TcpStream::connect(addr)).await.unwrap();
        within("a TLS handshake", self.try_handshake(socket, ALL_VERSIONS)).await.is_ok()
    }

    pub async fn shake_hands(
        &self,
        socket: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsStream<TcpStream> {
        within("a TLS handshake", self.try_handshake(socket, versions)).await.unwrap()
    }

    async fn try_handshake(
        &self,
        socket: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<TlsStream<TcpStream>> {
        socket.set_nodelay(true).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(NAME.try_into().unwrap(), socket).await
    }

    pub async fn log_in(&self, addr: SocketAddr, account: Account, device: &str) -> Client {
        let mut client = Client::over(self.connect(addr).await);
        client.authenticate(account, device).await;
        client
    }

    pub async fn open_web(&self, addr: SocketAddr) -> WebSocket {
        WebSocket::over(self.connect(addr).await, &format!("wss://{NAME}/ws")).await
    }

    pub async fn get(&self, addr: SocketAddr, path: &str) -> Answer {
        ask(self.connect(addr).await, path).await
    }
}

/// A server with TLS in the test's own process.
pub struct Secure {
    pub pki: Pki,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    _folder: TempDir,
}

impl Secure {
    pub async fn start(options: &[&str]) -> Self {
        let pki = Pki::new();
        let options = [&pki.options()[..], options].concat();
        let Server { tcp, http, folder, .. } = Server::start(&options).await;
        Self { pki, tcp, http, _folder: folder }
    }

    pub async fn log_in(&self, account: Account, device: &str) -> Client {
        self.pki.log_in(self.tcp, account, device).await
    }

    pub async fn log_in_web(&self, account: Account) -> WebSocket {
        let mut web = self.pki.open_web(self.http).await;
        web.authenticate(account, "").await;
        web
    }

    pub async fn metric(&self, name: &str) -> u64 {
        self.pki.get(self.http, "/metrics").await.metric(name)
    }

    pub async fn until_metric(&self, name: &str, value: u64) {
        until(&format!("{name} is {value}"), async || self.metric(name).await == value).await;
    }

    /// Waits until this many connections have ended for this reason.
    pub async fn until_closed(&self, reason: &str, count: u64) {
        let name = format!("kefu_connections_closed_total{{reason=\"{reason}\"}}");
        self.until_metric(&name, count).await;
    }
}
