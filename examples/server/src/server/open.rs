//! Opening what the options name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{fs, io};

use kefu_proto::{MsgId, OutboxBounds};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::auth::Auth;
use crate::metrics::Metrics;
use crate::options::{AuthSource, Backend, Options, PushSink};
use crate::pace::PaceBounds;
use crate::peers::Peers;
use crate::push::Sink;
use crate::redis;
use crate::router::{Router, RouterBounds};
use crate::server::error::StartError;
use crate::server::socket;
use crate::store::jetstream::JetStream;
use crate::store::{Observer, PushBounds, Store, embedded};
use crate::tls::{Tls, TlsError};
use crate::tokens::{self, DemoToken, DemoTokens, Tokens};

pub(super) fn tls(options: &Options) -> Result<Option<Arc<Tls>>, TlsError> {
    let files = options.tls_cert.as_deref().zip(options.tls_key.as_deref());
    files.map(|(cert, key)| Tls::read(cert, key).map(Arc::new)).transpose()
}

/// Where accounts are looked up, and the demo's tokens.
pub(super) async fn auth(
    options: &Options,
    metrics: &Metrics,
) -> Result<(Auth, Vec<DemoToken>), StartError> {
    match &options.redis.auth {
        AuthSource::Tokens => {
            let (tokens, demo) = tokens(options)?;
            Ok((Auth::File(tokens), demo))
        }
        AuthSource::Redis(url) => {
            Ok((Auth::redis(url, options.limits.login_timeout, metrics).await?, Vec::new()))
        }
    }
}

/// The tokens of the given file, or of the one in the data folder. If that is missing it is created
/// with demo tokens, but only where nobody else can use them.
fn tokens(options: &Options) -> Result<(Tokens, Vec<DemoToken>), StartError> {
    if let Some(path) = &options.tokens {
        return Ok((Tokens::read(path, DemoTokens::Allowed)?, Vec::new()));
    }
    let path = options.data.join("tokens.toml");
    let allowed = if is_local(options) { DemoTokens::Allowed } else { DemoTokens::Refused };
    let (demo, text) = tokens::demo(options.kefu_appid.kefu_appid());
    if !path.exists() {
        if allowed == DemoTokens::Refused {
            return Err(StartError::NoTokens { path });
        }
        fs::write(&path, text)
            .map_err(|source| StartError::DataFolder { path: path.clone(), source })?;
    }
    let tokens = Tokens::read(&path, allowed)?;
    let is_valid = |demo: &DemoToken| tokens.account(demo.token.as_bytes()) == Some(demo.account);
    let demo = demo.into_iter().filter(is_valid).collect();
    Ok((tokens, demo))
}

/// Whether only this machine can reach the ports.
fn is_local(options: &Options) -> bool {
    [options.listen, options.http].iter().all(is_loopback)
}

pub(super) fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

pub(super) async fn sink(
    options: &Options,
    metrics: &Metrics,
) -> Result<Sink, redis::ConnectError> {
    match &options.redis.push {
        PushSink::Log => Ok(Sink::Log),
        PushSink::Redis(url) => Sink::redis(url, metrics).await,
    }
}

pub(super) fn port(option: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = socket::listen(address);
    bound.map_err(|source| StartError::Port { option, address, source })
}

/// What one connection and one account can have.
pub(super) fn router_bounds(options: &Options) -> RouterBounds {
    let Options { limits, account, .. } = options;
    RouterBounds {
        outbox: OutboxBounds { messages: limits.outbox.get(), bytes: limits.outbox_bytes.get() },
        connections: account.account_connections,
        pace: PaceBounds { requests: account.account_messages, bytes: account.account_bytes },
    }
}

/// The store, and the other servers if it may be shared.
pub(super) async fn store(
    options: &Options,
    router: &Arc<Router>,
    metrics: &Arc<Metrics>,
) -> Result<(Store, Option<Arc<Peers>>), StartError> {
    let (after, retain) = (MsgId(options.msgids_after), options.retain());
    let observer: Arc<dyn Observer> = metrics.clone();
    let pushes = push_bounds(options);
    match &options.store {
        Backend::Embedded => {
            let observer = Some(observer);
            let min_free = options.limits.min_free;
            let settings = embedded::Options {
                after,
                retain,
                min_free,
                pushes,
                observer,
                ..Default::default()
            };
            let data = options.data.clone();
            // It may wait for another process, and signals are to be served meanwhile.
            let opening = spawn_blocking(move || embedded::Store::open(&data, settings));
            let store = opening.await.map_err(|error| StartError::DataFolder {
                path: options.data.clone(),
                source: io::Error::other(error),
            })??;
            Ok((Store::Embedded(store), None))
        }
        Backend::Nats(url) => {
            let settings =
                options.streams.settings(after, retain, pushes, options.limits.frame_limit);
            let store = JetStream::connect(url, settings, observer).await?;
            let peers = Peers::new(store.clone(), Arc::clone(router), Arc::clone(metrics));
            Ok((Store::JetStream(store), Some(peers)))
        }
    }
}

fn push_bounds(options: &Options) -> PushBounds {
    let account = match options.account.account_pushes {
        0 => usize::MAX,
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    PushBounds { account, all: options.limits.max_pushes.get() }
}
