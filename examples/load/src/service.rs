//! The servers, and how a client connects, logs in, and fails over from one to the next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kefu_proto::{Account, AuthToken, Body, LoginStatus, Platform, ShortBytes, Version};
use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::connection::{Connection, ConnectionError, Place};
use crate::failure::Failure;
use crate::judge::Judge;
use crate::plan::token;
use crate::transport::{Carrier, Dialer, Endpoint, Stream, TransportError};

/// The device of the clients that send and listen.
pub(crate) const LOADING: &str = "kefu-load";
/// The device of the clients that verify: a SYNC leaves out what the same device has sent (S2).
pub(crate) const VERIFYING: &str = "kefu-load-verify";
/// The devices of those that make trouble.
pub(crate) const VISITING: &str = "kefu-load-visit";
pub(crate) const SLOW: &str = "kefu-load-slow";
pub(crate) const HOSTILE: &str = "kefu-load-hostile";
pub(crate) const FLOODING: &str = "kefu-load-flood";

/// More would overflow the accept queue of many servers, and a SYN is repeated only after a second.
const CONNECTING_AT_ONCE: usize = 64;
/// Between two attempts of a client at the same server.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One server, or several that form one service, numbered from 0.
#[derive(Debug)]
pub(crate) struct Service {
    servers: Vec<Server>,
    timeout: Duration,
    judge: Judge,
    /// How many connections there have been.
    connections: AtomicU64,
}

#[derive(Debug)]
struct Server {
    addr: String,
    endpoint: Endpoint,
    connecting: Semaphore,
}

impl Service {
    pub(crate) async fn find(
        addrs: &[String],
        carrier: &Carrier,
        timeout: Duration,
        judge: Judge,
    ) -> Result<Self, Failure> {
        let dialer = Dialer::new(carrier)?;
        let mut servers = Vec::new();
        for addr in addrs {
            let failed = |source| Failure::Address { addr: addr.clone(), source };
            let addresses = lookup_host(addr).await.map_err(failed)?.collect();
            servers.push(Server {
                addr: addr.clone(),
                endpoint: dialer.endpoint(addr, addresses)?,
                connecting: Semaphore::new(CONNECTING_AT_ONCE),
            });
        }
        Ok(Self { servers, timeout, judge, connections: AtomicU64::new(0) })
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Who judges what the servers do.
    pub(crate) const fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Connects to a server without speaking the protocol.
    pub(crate) async fn open_stream(&self, server: usize) -> Result<Stream, ConnectionError> {
        let opening = self.servers[server].endpoint.connect_stream(None);
        let opened = timeout(self.timeout, opening).await;
        Ok(opened.map_err(|_| ConnectionError::Silent(self.timeout))??)
    }

    /// Connects to a server; nobody has logged in yet.
    async fn open(&self, server: usize, caller: Caller) -> Result<Connection, TransportError> {
        let Caller { account, version, device, buffer, receive_buffer } = caller;
        let transport = self.servers[server].endpoint.connect(receive_buffer).await?;
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let witness = self.judge.witness(account, device, (number, server));
        Ok(Connection::new(Place { number, server }, version, transport, buffer, witness))
    }

    const fn after(&self, server: usize) -> usize {
        (server + 1) % self.servers.len()
    }

    /// One server's share of a time that is for all of them.
    fn share(&self, time: Duration) -> Duration {
        time / u32::try_from(self.servers.len()).unwrap_or(u32::MAX)
    }
}

/// An account on a device, in a version of the protocol. `buffer` is how many bytes it reads at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) account: Account,
    pub(crate) version: Version,
    pub(crate) device: &'static str,
    pub(crate) buffer: usize,
    /// The size of the socket's own buffer, where it is to be full soon.
    pub(crate) receive_buffer: Option<u32>,
}

impl Caller {
    /// Connects and logs in, trying each server once.
    pub(crate) async fn log_in(
        self,
        service: &Service,
        first: usize,
    ) -> Result<Connection, ConnectionError> {
        let deadline = Instant::now() + service.timeout;
        let mut server = first;
        loop {
            let attempt = self.attempt(service, server, deadline).await;
            server = service.after(server);
            match attempt {
                // An unknown token is the operator's mistake: failing over would hide it.
                Err(error @ ConnectionError::Refused(_)) => return Err(error),
                Err(_) if server != first => {}
                ended => return ended,
            }
        }
    }

    /// Connects and logs in after losing the server `lost`: to the next one and so on, round and
    /// round until the timeout. `refused` counts the refused logins.
    pub(crate) async fn log_in_again(
        self,
        service: &Service,
        lost: usize,
        refused: &mut u64,
    ) -> Result<Connection, ConnectionError> {
        let deadline = Instant::now() + service.timeout;
        let mut server = lost;
        let mut round = FIRST_PAUSE;
        loop {
            sleep(service.share(round)).await;
            server = service.after(server);
            let error = match self.attempt(service, server, deadline).await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            *refused += u64::from(matches!(error, ConnectionError::Refused(_)));
            if server == lost {
                round = (round * 2).min(LONGEST_PAUSE);
            }
            if Instant::now() + service.share(round) >= deadline {
                return Err(error);
            }
        }
    }

    /// A silent server gets its share of the time only, so that the others can be tried.
    async fn attempt(
        self,
        service: &Service,
        server: usize,
        deadline: Instant,
    ) -> Result<Connection, ConnectionError> {
        let share = service.share(service.timeout);
        let end = deadline.min(Instant::now() + share);
        let attempt = timeout_at(end, self.connect_and_log_in(service, server)).await;
        attempt.unwrap_or(Err(ConnectionError::Silent(share)))
    }

    /// Connects to a server without logging in.
    pub(crate) async fn connect(
        self,
        service: &Service,
        server: usize,
    ) -> Result<Connection, ConnectionError> {
        let opening = timeout(service.timeout, service.open(server, self)).await;
        Ok(opening.map_err(|_| ConnectionError::Silent(service.timeout))??)
    }

    async fn connect_and_log_in(
        self,
        service: &Service,
        number: usize,
    ) -> Result<Connection, ConnectionError> {
        let server = &service.servers[number];
        // The semaphore is never closed.
        let _permit = server.connecting.acquire().await;
        let mut connection = service.open(number, self).await?;
        connection.send(Body::AuthToken(AuthToken {
            platform: Platform::ANDROID,
            token: ShortBytes::new(token(self.account))?,
            device_id: ShortBytes::new(self.device)?,
        }))?;
        loop {
            match connection.receive().await?.body {
                Body::AuthStatus(answer) if answer.status == LoginStatus::OK => {
                    return Ok(connection);
                }
                Body::AuthStatus(_) => return Err(ConnectionError::Refused(server.addr.clone())),
                _ => {}
            }
        }
    }
}
