//! The servers, and how a client comes to one of them: connecting, login, going on to the next.

use std::net::SocketAddr;
use std::time::Duration;

use kefu_proto::{Account, AuthToken, Body, LoginStatus, Platform, ShortBytes};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::failure::Failure;
use crate::link::{Link, LinkError};
use crate::plan::token;

/// The device of the clients that send and listen.
pub(crate) const LOADING: &str = "kefu-load";
/// The device of the clients that verify: a user is not sent what they sent from the same device (S2).
pub(crate) const VERIFYING: &str = "kefu-load-verify";

/// More than a listener's queue commonly holds would make some connections wait a second and more for their turn.
const CONNECTING_AT_ONCE: usize = 64;
/// Between two attempts of a client at the same server.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One server, or several any of which will do. They are numbered from 0.
#[derive(Debug)]
pub(crate) struct Service {
    servers: Vec<Server>,
    patience: Duration,
}

#[derive(Debug)]
struct Server {
    addr: String,
    addresses: Vec<SocketAddr>,
    connecting: Semaphore,
}

impl Service {
    pub(crate) async fn find(addrs: &[String], patience: Duration) -> Result<Self, Failure> {
        let mut service = Self { servers: Vec::new(), patience };
        for addr in addrs {
            let found = lookup_host(addr).await;
            let failed = |source| Failure::Address { addr: addr.clone(), source };
            service.servers.push(Server {
                addr: addr.clone(),
                addresses: found.map_err(failed)?.collect(),
                connecting: Semaphore::new(CONNECTING_AT_ONCE),
            });
        }
        Ok(service)
    }

    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    const fn after(&self, server: usize) -> usize {
        (server + 1) % self.servers.len()
    }

    /// One server's share of a time that all of them have.
    fn share(&self, time: Duration) -> Duration {
        time / u32::try_from(self.servers.len()).unwrap_or(u32::MAX)
    }
}

/// Who connects: an account on a device. `buffer` is how many bytes it reads at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) account: Account,
    pub(crate) device: &'static str,
    pub(crate) buffer: usize,
}

impl Caller {
    /// Connects and logs in, trying each server once.
    pub(crate) async fn log_in(self, service: &Service, first: usize) -> Result<Link, LinkError> {
        let deadline = Instant::now() + service.patience;
        let mut server = first;
        loop {
            let attempt = self.attempt(service, server, deadline).await;
            server = service.after(server);
            match attempt {
                // A server that does not know the token needs its user: its clients would only burden the others.
                Err(error @ LinkError::Refused(_)) => return Err(error),
                Err(_) if server != first => {}
                ended => return ended,
            }
        }
    }

    /// Connects and logs in after the connection to the server `lost`: to the next one and so on around, however often it
    /// takes within the service's patience. `refused` counts the logins that servers refused.
    pub(crate) async fn log_in_again(
        self,
        service: &Service,
        lost: usize,
        refused: &mut u64,
    ) -> Result<Link, LinkError> {
        let deadline = Instant::now() + service.patience;
        let mut server = lost;
        let mut round = FIRST_PAUSE;
        loop {
            sleep(service.share(round)).await;
            server = service.after(server);
            let error = match self.attempt(service, server, deadline).await {
                Ok(link) => return Ok(link),
                Err(error) => error,
            };
            *refused += u64::from(matches!(error, LinkError::Refused(_)));
            if server == lost {
                round = (round * 2).min(LONGEST_PAUSE);
            }
            if Instant::now() + service.share(round) >= deadline {
                return Err(error);
            }
        }
    }

    /// One server that is silent leaves time to try the others.
    async fn attempt(
        self,
        service: &Service,
        server: usize,
        deadline: Instant,
    ) -> Result<Link, LinkError> {
        let share = service.share(service.patience);
        let end = deadline.min(Instant::now() + share);
        let attempt = timeout_at(end, self.connect(&service.servers[server], server)).await;
        attempt.unwrap_or(Err(LinkError::Silent(share)))
    }

    async fn connect(self, server: &Server, number: usize) -> Result<Link, LinkError> {
        // The semaphore is never closed; if it were, connecting all at once would do.
        let _permit = server.connecting.acquire().await;
        let stream = TcpStream::connect(&server.addresses[..]).await?;
        stream.set_nodelay(true)?;
        let mut link = Link::new(number, stream, self.buffer);
        link.send(Body::AuthToken(AuthToken {
            platform: Platform::ANDROID,
            token: ShortBytes::new(token(self.account))?,
            device_id: ShortBytes::new(self.device)?,
        }))?;
        loop {
            match link.receive().await?.body {
                Body::AuthStatus(answer) if answer.status == LoginStatus::OK => return Ok(link),
                Body::AuthStatus(_) => return Err(LinkError::Refused(server.addr.clone())),
                _ => {}
            }
        }
    }
}
