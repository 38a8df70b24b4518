//! The server: what its connections share, how it starts, how it stops.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use kefu_proto::{
    Account, AuthToken, Config, DeviceId, FrameLimit, Identity, Message, MsgId, Outbound,
};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::client::{self, End};
use crate::embedded::{self, Observer, OpenError};
use crate::http;
use crate::jetstream::{ConnectError, JetStream, Peers, Presence};
use crate::metrics::Metrics;
use crate::neighbours::{self, AuthSource};
use crate::options::{Backend, Options};
use crate::push::{self, Sink};
use crate::router::{ConnectionId, Inbox, Router, Seat};
use crate::store::{Push, Store};
use crate::tls::{Tls, TlsError};
use crate::tokens::{self, DemoToken, Tokens, TokensError};
use crate::trace::{PushOutcome, Trace};

/// What all connections of a server share.
pub struct Shared {
    pub config: Config,
    pub limits: Limits,
    /// On both ports, or on none.
    pub tls: Option<Tls>,
    pub auth: Auth,
    /// The tokens that were made for a first look; empty once there are others.
    pub demo: Vec<DemoToken>,
    pub store: Store,
    pub router: Arc<Router>,
    /// Other servers of this service, where there may be some.
    peers: Option<Arc<Peers>>,
    pub metrics: Arc<Metrics>,
    pub trace: Trace,
    /// Cancelled when the server is to stop.
    pub stopping: CancellationToken,
    /// The tasks of the connections.
    pub clients: TaskTracker,
    /// How many more connections there may be.
    room: Arc<Semaphore>,
}

/// What a client may do to the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub frame: FrameLimit,
}

impl Shared {
    /// S1: who a login is; `None` if the token names nobody, or the device's number cannot be had.
    pub async fn identify(&self, login: &AuthToken) -> Option<Identity> {
        let account = self.auth.account(login.token.as_bytes()).await.ok()??;
        let device_id = match login.device() {
            None => DeviceId(0),
            Some((name, platform)) => self.auth.device_id(&self.store, name, platform).await?,
        };
        Identity::new(account, device_id).ok()
    }

    /// A place for a connection of `account`. From now on all who have something for it reach it, wherever they are.
    pub async fn join(&self, account: Account) -> (Seat, Inbox, Option<Presence>) {
        let (seat, inbox) = self.router.join(account);
        let presence = match &self.peers {
            Some(peers) => Some(peers.join(account).await),
            None => None,
        };
        (seat, inbox, presence)
    }

    /// Gives a message to the connections of an account, but one, which is one of this server's.
    pub async fn send(&self, to: Account, except: Option<ConnectionId>, message: &Message) {
        self.router.send(to, except, message, &self.metrics);
        if let Some(peers) = &self.peers {
            peers.send(to, message).await;
        }
    }

    /// H7.3: a user who is connected nowhere is told by the push service.
    pub async fn push(&self, to: Account, message: Outbound<'_>) -> PushOutcome {
        if self.router.is_online(to) {
            return PushOutcome::Connected;
        }
        if let Outbound::Chat(message) = message {
            let entry = Push { to, message: message.clone() };
            if let Some(peers) = &self.peers {
                peers.push(entry);
                return PushOutcome::Undecided;
            }
            self.metrics.pushes.inc();
            if self.store.push(entry).await.is_ok() {
                return PushOutcome::Queued;
            }
        }
        // A store that is closed has no outbox any more: the message itself is safe.
        PushOutcome::Lost
    }

    /// Starts the task of a connection, if there is room for one more.
    pub fn admit<F>(self: &Arc<Self>, serve: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = End> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!("closing a connection: there are too many");
            self.metrics.close("too_many");
            return;
        };
        let shared = Arc::clone(self);
        let served = serve(Arc::clone(self));
        self.clients.spawn(async move {
            shared.metrics.connections.inc();
            let end = served.await;
            shared.metrics.connections.dec();
            shared.metrics.close(end.reason());
            drop(permit);
        });
    }
}

/// A server that accepts connections.
pub struct Server {
    shared: Arc<Shared>,
    listener: TcpListener,
    http: TcpListener,
    sink: Sink,
    stop_timeout: Duration,
}

impl Server {
    /// Reads the certificate, finds the accounts and where pushes go, takes the ports and opens the store.
    ///
    /// # Errors
    ///
    /// [`StartError`], in one line that says what to do.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let tls = Tls::of(options)?;
        let folder = |source| StartError::DataFolder { path: options.data.clone(), source };
        fs::create_dir_all(&options.data).map_err(folder)?;
        let metrics = Arc::new(Metrics::new());
        let (auth, demo) = open_auth(options, &metrics).await?;
        let sink = Sink::open(&options.neighbours.push, &metrics).await?;
        let listener = bind("--listen", options.listen).await?;
        let http = bind("--http", options.http).await?;
        let observer: Arc<dyn Observer> = metrics.clone();
        let router = Router::new(options.outbox.get());
        let after = MsgId(options.msgids_after);
        let (store, peers) = match &options.store {
            Backend::Embedded => {
                let observer = Some(observer);
                let settings = embedded::Options { after, observer, ..Default::default() };
                (Store::Embedded(embedded::Store::open(&options.data, settings)?), None)
            }
            Backend::Nats(url) => {
                let store =
                    JetStream::connect(url, options.streams.settings(after), observer).await?;
                let peers = Peers::new(store.clone(), Arc::clone(&router), Arc::clone(&metrics));
                (Store::JetStream(store), Some(peers))
            }
        };
        let shared = Shared {
            config: options.kefu_appid,
            limits: Limits {
                login_timeout: options.login_timeout,
                idle_timeout: options.idle_timeout,
                frame: options.frame_limit,
            },
            tls,
            auth,
            demo,
            store,
            router,
            peers,
            metrics,
            trace: Trace::new(),
            stopping: CancellationToken::new(),
            clients: TaskTracker::new(),
            room: Arc::new(Semaphore::new(
                options.max_connections.get().min(Semaphore::MAX_PERMITS),
            )),
        };
        let stop_timeout = options.stop_timeout;
        Ok(Self { shared: Arc::new(shared), listener, http, sink, stop_timeout })
    }

    /// Where clients connect: the address of the protocol and the address of the page.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.listener.local_addr()?, self.http.local_addr()?))
    }

    /// What the connections share.
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `stop` is ready. Then: accept nobody, finish what is in hand, close.
    ///
    /// # Errors
    ///
    /// When the page's port fails, or a task of the server has panicked.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { shared, listener, http, sink, stop_timeout } = self;
        let pusher = tokio::spawn(push::drain(Arc::clone(&shared), sink));
        let mut pages = tokio::spawn(http::serve(http, Arc::clone(&shared)));
        tokio::select! {
            () = accept(&listener, &shared) => {}
            () = stop => {}
        }
        drop(listener);
        tracing::info!("stopping");
        let deadline = Instant::now() + stop_timeout;
        shared.stopping.cancel();
        shared.clients.close();
        if timeout_at(deadline, shared.clients.wait()).await.is_err() {
            tracing::warn!(connections = shared.clients.len(), "left unfinished");
        }
        match timeout(LAST_ANSWERS, &mut pages).await {
            Ok(served) => served??,
            // Who has asked for half of something could ask the rest at any time.
            Err(_) => pages.abort(),
        }
        pusher.await?;
        shared.store.clone().close(deadline.max(Instant::now() + LAST_ANSWERS)).await;
        Ok(())
    }
}

/// How long a stopping server goes on answering over HTTP what it has been asked, and waits for answers at the least.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Takes in TCP connections, for ever.
async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => match shared.tls.clone() {
                None => shared.admit(|shared| serve_tcp(socket, shared)),
                Some(tls) => shared.admit(|shared| tls.serve(socket, shared)),
            },
            Err(error) => {
                // Out of file handles, say: those who are connected go on, and some will leave.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_tcp(socket: TcpStream, shared: Arc<Shared>) -> End {
    // S8: frames go out as they are written.
    if socket.set_nodelay(true).is_err() {
        return End::Io;
    }
    let (reader, writer) = socket.into_split();
    client::serve(reader, writer, Instant::now(), shared).await
}

async fn bind(option: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Port { option, address, source })
}

/// Who knows the accounts, and the demo's tokens.
async fn open_auth(
    options: &Options,
    metrics: &Metrics,
) -> Result<(Auth, Vec<DemoToken>), StartError> {
    match &options.neighbours.auth {
        AuthSource::Tokens => {
            let (tokens, demo) = read_tokens(options)?;
            Ok((Auth::File(tokens), demo))
        }
        AuthSource::Redis(url) => {
            Ok((Auth::redis(url, options.login_timeout, metrics).await?, Vec::new()))
        }
    }
}

/// The tokens of the given file, or of the one in the data folder, which is made on first run.
fn read_tokens(options: &Options) -> Result<(Tokens, Vec<DemoToken>), StartError> {
    if let Some(path) = &options.tokens {
        return Ok((Tokens::read(path)?, Vec::new()));
    }
    let path = options.data.join("tokens.toml");
    let (demo, text) = tokens::demo(options.kefu_appid.kefu_appid());
    if !path.exists() {
        fs::write(&path, text)
            .map_err(|source| StartError::DataFolder { path: path.clone(), source })?;
    }
    let tokens = Tokens::read(&path)?;
    let still_valid =
        |demo: &DemoToken| tokens.account(demo.token.as_bytes()) == Some(demo.account);
    let demo = demo.into_iter().filter(still_valid).collect();
    Ok((tokens, demo))
}

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot use {}: {source}; choose another folder with --data", path.display())]
    DataFolder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    JetStream(#[from] ConnectError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Redis(#[from] neighbours::ConnectError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("cannot listen on {address}: {source}; choose another address with {option}")]
    Port { option: &'static str, address: SocketAddr, source: io::Error },
}
