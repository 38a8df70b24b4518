//! A server from its start to its stop.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{End, EndLog};
use crate::devices::NewDevices;
use crate::dialect::Settings;
use crate::dispatch::Dispatcher;
use crate::forward::Forwarder;
use crate::http;
use crate::metrics::Metrics;
use crate::options::{LimitOptions, Options};
use crate::places::{PlaceBounds, Places};
use crate::push::{self, Sink};
use crate::router::Router;
use crate::server::accept::{Port, Protocol};
use crate::server::error::StartError;
use crate::server::reload::Reload;
use crate::server::{handles, open, private};
use crate::service::{Limits, Service};
use crate::tls::Tls;
use crate::tokens::DemoToken;
use crate::trace::Trace;
use crate::unreadable::UnreadableRows;

/// A server that is ready to accept connections.
pub struct Server {
    service: Arc<Service>,
    tls: Option<Arc<Tls>>,
    listener: TcpListener,
    http: TcpListener,
    admin: Option<TcpListener>,
    sink: Sink,
    options: Options,
}

impl Server {
    /// Reads the certificate, opens accounts and the push sink, binds the ports and opens the
    /// store.
    ///
    /// # Errors
    ///
    /// [`StartError`], in one line that says what to do.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let connections = handles::fitting(options.limits.max_connections.get())?;
        let tls = open::tls(options)?;
        if options.has_data_folder() {
            let folder = |source| StartError::DataFolder { path: options.data.clone(), source };
            private::create(&options.data).map_err(folder)?;
        }
        let metrics = Arc::new(Metrics::new(End::REASONS));
        let (auth, demo) = open::auth(options, &metrics).await?;
        let sink = open::sink(options, &metrics).await?;
        let listener = open::port("--listen", options.listen)?;
        let http = open::port("--http", options.http)?;
        let admin = options.admin.map(|address| open::port("--admin", address)).transpose()?;
        let router = Router::new(open::router_bounds(options));
        let (store, peers) = open::store(options, &router, &metrics).await?;
        tokio::spawn(store.clone().watch());
        let forwarder = Arc::new(Forwarder { router, peers, metrics: Arc::clone(&metrics) });
        let service = Service {
            config: options.kefu_appid,
            limits: Limits {
                login_timeout: options.limits.login_timeout,
                idle_timeout: options.limits.idle_timeout,
                unreachable_timeout: options.limits.unreachable_timeout,
                login_attempts: options.limits.login_attempts,
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
            places: Places::new(bounds(&options.limits, connections)),
        };
        let (service, options) = (Arc::new(service), options.clone());
        Ok(Self { service, tls, listener, http, admin, sink, options })
    }

    /// Where clients connect: the address of the protocol and the address of the page.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.listener.local_addr()?, self.http.local_addr()?))
    }

    /// Where metrics and health are, if on a listener of their own.
    pub fn admin_address(&self) -> io::Result<Option<SocketAddr>> {
        self.admin.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Whether both ports speak TLS.
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The demo's tokens, as long as they are valid.
    pub fn demo_tokens(&self) -> &[DemoToken] {
        &self.service.demo
    }

    /// What reads the tokens and the certificate again while the server runs.
    pub fn reload(&self) -> Reload {
        Reload::new(Arc::clone(&self.service), self.tls.clone())
    }

    /// Serves until `stop` is ready. Then it accepts no more connections, finishes what is in
    /// flight, and closes.
    ///
    /// # Errors
    ///
    /// If a task of the server has panicked.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let stop_timeout = self.options.limits.stop_timeout;
        let service = Arc::clone(&self.service);
        let (mut accepting, sink) = self.accept();
        let pusher = tokio::spawn(push::drain(Arc::clone(&service), sink));
        tokio::select! {
            () = stop => {}
            // It goes on until the server stops, unless it panics.
            Some(ended) = accepting.join_next() => ended?,
        }
        tracing::info!("stopping");
        let deadline = Instant::now() + stop_timeout;
        service.stopping.cancel();
        service.connections.close();
        if timeout_at(deadline, service.connections.wait()).await.is_err() {
            tracing::warn!(connections = service.connections.len(), "left unfinished");
        }
        pusher.await?;
        service.store.clone().close(deadline.max(Instant::now() + LEAST_TO_CLOSE)).await;
        Ok(())
    }

    /// Accepts connections on all listeners.
    fn accept(self) -> (JoinSet<()>, Sink) {
        let Self { service, tls, listener, http, admin, sink, options } = self;
        let log = EndLog::default();
        let port = |protocol| Port {
            protocol,
            places: Arc::clone(&service.places),
            tls: tls.clone(),
            is_proxied: options.proxy_protocol,
            unreachable_timeout: options.limits.unreachable_timeout,
            service: Arc::clone(&service),
            log: log.clone(),
        };
        let operator = http::operator(Arc::clone(&service));
        let traces = options.account.account_traces;
        let mut public = http::public(Arc::clone(&service), options.origin.clone(), traces);
        if admin.is_none() && open::is_loopback(&options.http) {
            public = public.merge(operator.clone());
        }
        let mut accepting = JoinSet::new();
        accepting.spawn(port(Protocol::Frames).accept(listener));
        accepting.spawn(port(Protocol::Http(public)).accept(http));
        if let Some(admin) = admin {
            let places = Places::new(ADMIN);
            let port = port(Protocol::Http(operator));
            accepting.spawn(Port { places, tls: None, is_proxied: false, ..port }.accept(admin));
        }
        (accepting, sink)
    }
}

fn bounds(limits: &LimitOptions, total: usize) -> PlaceBounds {
    // Few are not halved: a handful of clients may log in at once.
    let half = |of: usize| (of / 2).max(FEW.min(of));
    let waiting = limits.max_waiting.map_or(half(total), NonZeroUsize::get).min(total);
    let per_address = limits.max_waiting_per_address.map_or(half(waiting), NonZeroUsize::get);
    PlaceBounds { total, waiting, per_address, ipv6_prefix: limits.ipv6_prefix }
}

/// So many connections without a login are few.
const FEW: usize = 8;
/// The bounds of the operator's listener.
const ADMIN: PlaceBounds = PlaceBounds { total: 16, waiting: 16, per_address: 16, ipv6_prefix: 64 };
/// The least time for the store to close.
const LEAST_TO_CLOSE: Duration = Duration::from_secs(1);
