//! A Redis behind a circuit breaker.

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

/// A Redis behind a circuit breaker: after a timeout all commands fail at once, until a PING
/// succeeds.
pub struct Redis {
    breaker: Arc<Breaker>,
    _probe: AbortOnDropHandle<()>,
}

struct Breaker {
    /// The option that this Redis was given with.
    option: &'static str,
    pool: Pool,
    /// How long one answer may take.
    timeout: Duration,
    is_reachable: AtomicBool,
    failures: Counter,
}

impl Redis {
    /// Connects once, to check the address. From then on Redis may come and go.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], in one line that says what to do and shows no secret of the URL.
    pub async fn connect(
        option: &'static str,
        url: &str,
        timeout: Duration,
        failures: Counter,
    ) -> Result<Self, ConnectError> {
        let (pool, address) = pool(option, url)?;
        let is_reachable = AtomicBool::new(true);
        let breaker = Breaker { option, pool, timeout, is_reachable, failures };
        let unusable = |source| ConnectError::Unusable { option, address, source };
        breaker.ping().await.map_err(unusable)?;
        let breaker = Arc::new(breaker);
        let probe = tokio::spawn(probe(Arc::clone(&breaker)));
        Ok(Self { breaker, _probe: AbortOnDropHandle::new(probe) })
    }

    /// Whether the last command was answered.
    pub fn is_reachable(&self) -> bool {
        self.breaker.is_reachable.load(Ordering::Relaxed)
    }

    /// Waits until it can be reached.
    pub async fn until_reachable(&self) {
        while !self.is_reachable() {
            sleep(PROBE).await;
        }
    }

    /// Sends a command and waits for its answer.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        if !self.is_reachable() {
            self.breaker.failures.inc();
            return Err(RedisError::Open);
        }
        let answer = self.breaker.ask(command).await;
        if let Err(error) = &answer {
            self.breaker.failures.inc();
            if error.is_unreachable() {
                self.breaker.note(Err(error));
            } else {
                let option = self.breaker.option;
                tracing::warn!(%error, command = name(command), "Redis of {option} refuses");
            }
        }
        answer
    }
}

/// Opens and closes the breaker by regular PINGs.
async fn probe(breaker: Arc<Breaker>) {
    loop {
        sleep(PROBE).await;
        breaker.note(breaker.ping().await.as_ref());
    }
}

impl Breaker {
    async fn ping(&self) -> Result<(), RedisError> {
        self.ask(&cmd("PING")).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let asked = async {
            let mut connection = self.pool.get().await?;
            Ok(command.query_async(&mut connection).await?)
        };
        timeout(self.timeout, asked).await.unwrap_or(Err(RedisError::Timeout(self.timeout)))
    }

    fn note(&self, answer: Result<&(), &RedisError>) {
        let was_reachable = self.is_reachable.swap(answer.is_ok(), Ordering::Relaxed);
        match answer {
            Ok(()) if !was_reachable => {
                tracing::info!("Redis of {} can be reached again", self.option);
            }
            Err(error) if was_reachable => {
                tracing::warn!(%error, "Redis of {} cannot be reached", self.option);
            }
            _ => {}
        }
    }
}

/// A pool that connects on demand, and the address without secrets.
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
    // One timeout for everything, instead of one for each step.
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let manager = Manager::new_with_config(info, config).map_err(wrong)?;
    let pool = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1).build();
    Ok((pool.map_err(|source| ConnectError::Pool { option, source })?, address))
}

const CONNECTIONS: usize = 16;
/// Between two PINGs.
const PROBE: Duration = Duration::from_millis(500);

/// Why Redis has not done what it was asked for.
#[derive(Debug, Error)]
pub enum RedisError {
    #[error("it cannot be reached")]
    Open,
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("no connection: {0}")]
    Connection(PoolError),
    #[error("{}", shown(.0))]
    Answer(#[from] redis::RedisError),
}

/// The name of a command, without its arguments.
fn name(command: &Cmd) -> Option<&str> {
    match command.args_iter().next()? {
        redis::Arg::Simple(name) => str::from_utf8(name).ok(),
        _ => None,
    }
}

/// What Redis says of a command may repeat its arguments: tokens. Its code does not.
fn shown(error: &redis::RedisError) -> String {
    error.code().map_or_else(|| error.to_string(), str::to_owned)
}

impl RedisError {
    /// Whether there was no answer, so that the breaker opens.
    fn is_unreachable(&self) -> bool {
        match self {
            Self::Open | Self::Timeout(_) | Self::Connection(_) => true,
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
        "TLS to Redis is not supported: give {option} an address like redis://127.0.0.1:6379, \
         for example of a tunnel"
    )]
    Tls { option: &'static str },
    #[error("{option}: {source}")]
    Pool { option: &'static str, source: deadpool_redis::BuildError },
}
