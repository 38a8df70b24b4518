//! A TCP proxy in front of NATS that can drop all connections.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub struct Proxy {
    addr: SocketAddr,
    interruption: Arc<Notify>,
}

impl Proxy {
    /// A proxy to `url`. It lasts as long as the test's runtime.
    pub async fn to(url: &str) -> Self {
        let nats: SocketAddr = url.strip_prefix("nats://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy =
            Self { addr: listener.local_addr().unwrap(), interruption: Arc::new(Notify::new()) };
        let interruption = Arc::clone(&proxy.interruption);
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let interruption = Arc::clone(&interruption);
                tokio::spawn(async move {
                    let mut there = TcpStream::connect(nats).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut here, &mut there) => {}
                        () = interruption.notified() => {}
                    }
                });
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Drops all connections. New ones are accepted at once.
    pub fn interrupt(&self) {
        self.interruption.notify_waiters();
    }
}
