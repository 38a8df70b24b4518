//! A server from its start to its stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::net::TcpListener;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::End;
use crate::devices::NewDevices;
use crate::dialect::Settings;
use crate::dispatch::Dispatcher;
use crate::forward::Forwarder;
use crate::http;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::places::Places;
use crate::push::{self, Sink};
use crate::router::Router;
use crate::server::accept::accept;
use crate::server::error::StartError;
use crate::server::open;
use crate::service::{Limits, Service};
use crate::tls::Tls;
use crate::tokens::DemoToken;
use crate::trace::Trace;
use crate::unreadable::UnreadableRows;

/// A server that is ready to accept connections.
pub struct Server {
    service: Arc<Service>,
    tls: Option<Tls>,
    listener: TcpListener,
    http: TcpListener,
    sink: Sink,
    stop_timeout: Duration,
}

impl Server {
    /// Reads the certificate, opens accounts and the push sink, binds the ports and opens the
    /// store.
    ///
    /// # Errors
    ///
    /// [`StartError`], in one line that says what to do.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let tls = open::tls(options)?;
        let folder = |source| StartError::DataFolder { path: options.data.clone(), source };
        fs::create_dir_all(&options.data).map_err(folder)?;
        let metrics = Arc::new(Metrics::new(End::ALL.map(End::reason)));
        let (auth, demo) = open::auth(options, &metrics).await?;
        let sink = open::sink(options, &metrics).await?;
        let listener = open::port("--listen", options.listen).await?;
        let http = open::port("--http", options.http).await?;
        let router = Router::new(options.limits.outbox.get());
        let (store, peers) = open::store(options, &router, &metrics).await?;
        tokio::spawn(store.clone().watch());
        let forwarder = Arc::new(Forwarder { router, peers, metrics: Arc::clone(&metrics) });
        let service = Service {
            config: options.kefu_appid,
            limits: Limits {
                login_timeout: options.limits.login_timeout,
                idle_timeout: options.limits.idle_timeout,
                frame: options.limits.frame_limit,
            },
            auth,
            demo,
            devices: NewDevices::new(options.account.account_devices),
            dialects: Settings::new(options.dialect.clone()),
            dispatcher: Dispatcher::new(store.clone(), Arc::clone(&forwarder)),
            store,
            forwarder,
            unreadable: UnreadableRows::default(),
            metrics,
            trace: Trace::new(),
            stopping: CancellationToken::new(),
            connections: TaskTracker::new(),
            places: Places::new(options.limits.max_connections.get()),
        };
        let (service, stop_timeout) = (Arc::new(service), options.limits.stop_timeout);
        Ok(Self { service, tls, listener, http, sink, stop_timeout })
    }

    /// Where clients connect: the address of the protocol and the address of the page.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.listener.local_addr()?, self.http.local_addr()?))
    }

    /// Whether both ports speak TLS.
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The demo's tokens, as long as they are valid.
    pub fn demo_tokens(&self) -> &[DemoToken] {
        &self.service.demo
    }

    /// Serves until `stop` is ready. Then it accepts no more connections, finishes what is in
    /// flight, and closes.
    ///
    /// # Errors
    ///
    /// If the HTTP port fails, or a task of the server has panicked.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { service, tls, listener, http, sink, stop_timeout } = self;
        let pusher = tokio::spawn(push::drain(Arc::clone(&service), sink));
        let mut pages = tokio::spawn(http::serve(http, tls.clone(), Arc::clone(&service)));
        tokio::select! {
            () = accept(&listener, tls.as_ref(), &service) => {}
            () = stop => {}
        }
        drop(listener);
        tracing::info!("stopping");
        let deadline = Instant::now() + stop_timeout;
        service.stopping.cancel();
        service.connections.close();
        if timeout_at(deadline, service.connections.wait()).await.is_err() {
            tracing::warn!(connections = service.connections.len(), "left unfinished");
        }
        match timeout(FINAL_ANSWERS, &mut pages).await {
            Ok(served) => served??,
            // An unfinished request may take forever.
            Err(_) => pages.abort(),
        }
        pusher.await?;
        service.store.clone().close(deadline.max(Instant::now() + FINAL_ANSWERS)).await;
        Ok(())
    }
}

/// How long a stopping server still answers HTTP requests, and the least time for the store to
/// close.
const FINAL_ANSWERS: Duration = Duration::from_secs(1);
