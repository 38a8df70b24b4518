//! A Redis that may be away: few connections, and no long waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_redis::redis::{
    self, AsyncConnectionConfig, Cmd, FromRedisValue, IntoConnectionInfo, cmd,
};
use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use prometheus_client::metrics::counter::Counter;
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// A handle to a Redis.
///
/// Whoever waited in vain says so to all: until it answers a PING again nobody else waits for it.
pub struct Redis {
    shared: Arc<Shared>,
    _watch: AbortOnDropHandle<()>,
}

struct Shared {
    /// Which option named it.
    option: &'static str,
    pool: Pool,
    /// How long one answer is waited for.
    patience: Duration,
    is_reachable: AtomicBool,
    failures: Counter,
}

impl Redis {
    /// Connects, as far as to know that the address is right; from then on Redis may come and go.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], in one line that says what to do, and without the secrets of the URL.
    pub async fn connect(
        option: &'static str,
        url: &str,
        patience: Duration,
        failures: Counter,
    ) -> Result<Self, ConnectError> {
        let (pool, address) = pool(option, url)?;
        let shared =
            Shared { option, pool, patience, is_reachable: AtomicBool::new(true), failures };
        let unusable = |source| ConnectError::Unusable { option, address, source };
        shared.ping().await.map_err(unusable)?;
        let shared = Arc::new(shared);
        let watch = tokio::spawn(watch(Arc::clone(&shared)));
        Ok(Self { shared, _watch: AbortOnDropHandle::new(watch) })
    }

    /// Whether the last that was asked for was answered.
    pub fn is_reachable(&self) -> bool {
        self.shared.is_reachable.load(Ordering::Relaxed)
    }

    /// Waits while it cannot be reached.
    pub async fn until_reachable(&self) {
        while !self.is_reachable() {
            sleep(PROBE).await;
        }
    }

    /// The answer to a command.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        if !self.is_reachable() {
            self.shared.failures.inc();
            return Err(RedisError::Away);
        }
        let answer = self.shared.ask(command).await;
        if let Err(error) = &answer {
            self.shared.failures.inc();
            if error.is_silence() {
                self.shared.note(Err(error));
            } else {
                tracing::warn!(%error, "Redis of {} refuses", self.shared.option);
            }
        }
        answer
    }
}

/// Looks whether it is there.
async fn watch(shared: Arc<Shared>) {
    loop {
        sleep(PROBE).await;
        shared.note(shared.ping().await.as_ref());
    }
}

impl Shared {
    async fn ping(&self) -> Result<(), RedisError> {
        self.ask(&cmd("PING")).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let asked = async {
            let mut connection = self.pool.get().await?;
            Ok(command.query_async(&mut connection).await?)
        };
        timeout(self.patience, asked).await.unwrap_or(Err(RedisError::Silence(self.patience)))
    }

    fn note(&self, answer: Result<&(), &RedisError>) {
        let was_reachable = self.is_reachable.swap(answer.is_ok(), Ordering::Relaxed);
        match answer {
            Ok(()) if !was_reachable => tracing::info!("Redis of {} is there again", self.option),
            Err(error) if was_reachable => {
                tracing::warn!(%error, "Redis of {} cannot be reached", self.option);
            }
            _ => {}
        }
    }
}

/// Connections on demand, and the address without secrets.
fn pool(option: &'static str, url: &str) -> Result<(Pool, String), ConnectError> {
    if url.starts_with("rediss://") {
        return Err(ConnectError::Tls { option });
    }
    if !url.starts_with("redis://") {
        return Err(ConnectError::Scheme { option });
    }
    let wrong = |source| ConnectError::Url { option, source };
    let info = url.into_connection_info().map_err(wrong)?;
    let address = format!("redis://{}", info.addr());
    // One patience for everything, not one more for each step.
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let manager = Manager::new_with_config(info, config).map_err(wrong)?;
    let pool = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1).build();
    Ok((pool.map_err(|source| ConnectError::Pool { option, source })?, address))
}

const CONNECTIONS: usize = 16;
/// Between two looks whether it is there.
const PROBE: Duration = Duration::from_millis(500);

/// Why Redis did not do what it was asked for.
#[derive(Debug, Error)]
pub enum RedisError {
    #[error("it has not answered for a while")]
    Away,
    #[error("no answer within {} ms", .0.as_millis())]
    Silence(Duration),
    #[error("no connection: {0}")]
    Connection(PoolError),
    #[error(transparent)]
    Answer(#[from] redis::RedisError),
}

impl RedisError {
    /// Whether there was no answer at all.
    fn is_silence(&self) -> bool {
        match self {
            Self::Away | Self::Silence(_) | Self::Connection(_) => true,
            Self::Answer(error) => error.is_io_error(),
        }
    }
}

impl From<PoolError> for RedisError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Answer(error),
            other => Self::Connection(other),
        }
    }
}

/// Why a server cannot use a Redis.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("cannot use Redis at {address}: {source}; start it, or give {option} another address")]
    Unusable { option: &'static str, address: String, source: RedisError },
    #[error("{option} needs an address like redis://:PASSWORD@127.0.0.1:6379/0 ({source})")]
    Url { option: &'static str, source: redis::RedisError },
    #[error("{option} needs an address like redis://127.0.0.1:6379")]
    Scheme { option: &'static str },
    #[error(
        "TLS to Redis is not supported: give {option} an address like redis://127.0.0.1:6379, of a tunnel say"
    )]
    Tls { option: &'static str },
    #[error("{option}: {source}")]
    Pool { option: &'static str, source: deadpool_redis::BuildError },
}
