//! The server, in this process.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use kefu_server::options::Options;
use kefu_server::server::Server;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A server with a data folder of its own, which is removed on drop.
pub(crate) struct Host {
    data: TempDir,
    pub(crate) http: SocketAddr,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Host {
    /// Starts a server with this tokens file, or with the demo's tokens.
    pub(crate) async fn start(tokens: Option<&str>) -> Self {
        let data = tempfile::tempdir().unwrap();
        if let Some(tokens) = tokens {
            std::fs::write(data.path().join("tokens.toml"), tokens).unwrap();
        }
        let mut host = Self { data, http: ([127, 0, 0, 1], 0).into(), running: None };
        host.run().await;
        host
    }

    /// Starts the server again, on the same data and the same port.
    pub(crate) async fn run(&mut self) {
        let (data, http) = (self.data.path().to_str().unwrap(), self.http.to_string());
        let args = ["kefu-server", "--listen", "127.0.0.1:0", "--http", &http, "--data", data];
        let server = Server::start(&Options::parse_from(args)).await.unwrap();
        (_, self.http) = server.addresses().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            // Stops the server whether it was sent or dropped.
            let _ = stopped.await;
        };
        self.running = Some(Running { stop, server: tokio::spawn(server.run(stopped)) });
    }

    /// Stops the server, which must not wait for open pages.
    pub(crate) async fn stop(&mut self) {
        let Running { stop, server } = self.running.take().expect("a server that runs");
        stop.send(()).expect("a server that waits to be stopped");
        let stopped = timeout(Duration::from_secs(20), server).await;
        stopped.expect("the server does not stop while a page is open").unwrap().unwrap();
    }
}
