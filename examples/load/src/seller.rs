//! A seller: listens to what the server has to tell.

use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Account, Body};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};

use crate::link::{Link, LinkError};
use crate::load::Shared;
use crate::plan::Role;
use crate::service::{Caller, LOADING};

const BUFFER: usize = 16 * 1024;
/// A server drops who is silent for six minutes (S4), and a seller has nothing else to say.
const PING_EVERY: Duration = Duration::from_secs(60);

/// What one seller has been told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) notifies: u64,
    pub(crate) transient: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the seller stopped before the end.
    pub(crate) gave_up: Option<LinkError>,
}

#[derive(Debug)]
pub(crate) struct Seller {
    shared: Arc<Shared>,
    account: Account,
    /// Turns true when all customers are done.
    over: watch::Receiver<bool>,
    heard: Heard,
}

impl Seller {
    pub(crate) fn new(shared: Arc<Shared>, uid: u32, over: watch::Receiver<bool>) -> Self {
        let account = shared.plan.account(Role::Seller, uid);
        Self { shared, account, over, heard: Heard::default() }
    }

    pub(crate) fn caller(account: Account) -> Caller {
        Caller { account, device: LOADING, buffer: BUFFER }
    }

    /// Listens until all customers are done and everything that the server had queued for this seller has come.
    pub(crate) async fn run(mut self, mut link: Link) -> Heard {
        let mut over = self.over.clone();
        while self.listen(&mut link).await.is_err() && !*over.borrow() {
            let (service, lost) = (&self.shared.service, link.server());
            let caller = Self::caller(self.account);
            let refused = &mut self.heard.refused_logins;
            select! {
                again = caller.log_in_again(service, lost, refused) => match again {
                    Ok(again) => {
                        link = again;
                        self.heard.reconnects += 1;
                        self.shared.counters.reconnected();
                    }
                    Err(error) => {
                        self.heard.gave_up = Some(error);
                        break;
                    }
                },
                _ = over.wait_for(|&over| over) => break,
            }
        }
        let _ = timeout(self.shared.service.patience(), self.hear_out(&mut link)).await;
        self.heard
    }

    /// Listens on one connection until the run is over, or until the connection breaks.
    async fn listen(&mut self, link: &mut Link) -> Result<(), LinkError> {
        let mut over = self.over.clone();
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            // Not biased: a seller who is told something all the time must come to say PING as well.
            select! {
                exchanged = link.exchange() => {
                    exchanged?;
                    self.take(link)?;
                }
                _ = ping.tick() => link.send(Body::Ping)?,
                _ = over.wait_for(|&over| over) => return Ok(()),
            }
        }
    }

    /// The server answers a PING behind all that it had queued before.
    async fn hear_out(&mut self, link: &mut Link) -> Result<(), LinkError> {
        link.send(Body::Ping)?;
        while !self.take(link)? {
            link.exchange().await?;
        }
        Ok(())
    }

    /// Counts what has been read; whether there was a PONG.
    fn take(&mut self, link: &mut Link) -> Result<bool, LinkError> {
        let (mut notifies, mut pong) = (0, false);
        while let Some(message) = link.take()? {
            match message.body {
                Body::SyncNotify(_) => notifies += 1,
                Body::Customer(_) => self.heard.transient += 1,
                Body::Pong => pong = true,
                _ => {}
            }
        }
        self.heard.notifies += notifies;
        self.shared.counters.notified(notifies);
        Ok(pong)
    }
}
