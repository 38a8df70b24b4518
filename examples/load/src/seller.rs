//! A seller: counts what the server sends, and in version 2 follows its queue.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kefu_proto::{Account, Body, Flags, MsgId, Version};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::follower::Follower;
use crate::leaving::leave;
use crate::plan::Role;
use crate::run::Run;
use crate::service::{Caller, LOADING};

const BUFFER: usize = 16 * 1024;
/// How often it is looked whether something is still to come.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A server closes connections that are silent for six minutes (S4). A seller sends nothing else.
const PING_EVERY: Duration = Duration::from_secs(60);

/// What one seller has received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) uid: u32,
    /// In version 2, what the seller has got of its queue.
    pub(crate) follower: Option<Follower>,
    pub(crate) notifies: u64,
    pub(crate) transient: u64,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the seller stopped before the end.
    pub(crate) gave_up: Option<ConnectionError>,
}

/// How a seller stops using a connection that works.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Over,
    /// It leaves, and comes back.
    Leave,
}

#[derive(Debug)]
pub(crate) struct Seller {
    run: Arc<Run>,
    caller: Caller,
    /// Turns true when all others are done.
    over: watch::Receiver<bool>,
    received: Received,
}

impl Seller {
    /// A seller that has everything up to the key `end`.
    pub(crate) fn new(run: Arc<Run>, uid: u32, end: MsgId, over: watch::Receiver<bool>) -> Self {
        let version = run.plan.version(Role::Seller, uid);
        let caller = Self::caller(run.plan.account(Role::Seller, uid), version);
        let follower = (version >= Version::V2).then(|| Follower::new(end));
        let received = Received {
            uid,
            follower,
            notifies: 0,
            transient: 0,
            reconnects: 0,
            refused_logins: 0,
            gave_up: None,
        };
        Self { run, caller, over, received }
    }

    pub(crate) const fn caller(account: Account, version: Version) -> Caller {
        Caller { account, version, device: LOADING, buffer: BUFFER, receive_buffer: None }
    }

    /// Listens until all others are done and all that the server had queued for this seller
    /// has arrived.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Received {
        let mut over = self.over.clone();
        let mut server;
        let last = loop {
            server = connection.server();
            let is_lost = match self.listen(&mut connection).await {
                Ok(Turn::Over) => break Some(connection),
                Ok(Turn::Leave) => {
                    // What still comes is dropped: a follower asks for it when it is back.
                    leave(connection, &self.run, drop).await;
                    false
                }
                Err(_) => true,
            };
            select! {
                biased;
                _ = over.wait_for(|&over| over) => break None,
                again = self.come_back(server) => match again {
                    Ok(again) => connection = again,
                    Err(error) => {
                        self.received.gave_up = Some(error);
                        return self.received;
                    }
                }
            }
            if is_lost {
                self.received.reconnects += 1;
                self.run.counters.reconnected();
            }
        };
        self.received.gave_up = self.finish(last, server).await.err();
        self.received
    }

    async fn come_back(&mut self, lost: usize) -> Result<Connection, ConnectionError> {
        let (service, refused) = (&self.run.service, &mut self.received.refused_logins);
        let again = self.caller.log_in_again(service, lost, refused).await?;
        self.received.follower.iter_mut().for_each(Follower::reconnect);
        Ok(again)
    }

    /// Reads what is still on its way. What a follower has in the end is judged, so it comes back
    /// once more if it must.
    async fn finish(
        &mut self,
        connection: Option<Connection>,
        server: usize,
    ) -> Result<(), ConnectionError> {
        if let Some(mut connection) = connection
            && self.drain(&mut connection).await.is_ok()
        {
            return Ok(());
        }
        if self.received.follower.is_none() {
            return Ok(());
        }
        let mut again = self.come_back(server).await?;
        self.drain(&mut again).await
    }

    /// Listens on one connection until the run is over, or until the seller leaves it.
    async fn listen(&mut self, connection: &mut Connection) -> Result<Turn, ConnectionError> {
        let stay = self.run.plan.shares.churn.includes(self.received.uid);
        let stay = stay.then(|| self.run.plan.stay(connection.number()));
        let mut leaves = pin!(async {
            match stay {
                Some(stay) => sleep(stay).await,
                None => pending().await,
            }
        });
        self.ask(connection)?;
        let mut over = self.over.clone();
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            // Not biased: a seller that receives all the time must send PINGs, too.
            select! {
                exchanged = connection.exchange() => {
                    exchanged?;
                    self.take(connection)?;
                }
                _ = ping.tick() => connection.send(Body::Ping)?,
                () = &mut leaves => return Ok(Turn::Leave),
                _ = over.wait_for(|&over| over) => return Ok(Turn::Over),
            }
        }
    }

    /// Reads all that the server had queued. A follower then asks for the rest, as a client that
    /// comes back: from other servers it may still be under way.
    async fn drain(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        self.settle(connection).await?;
        if let Some(follower) = &mut self.received.follower {
            follower.catch_up();
            self.ask(connection)?;
            self.settle(connection).await?;
        }
        self.receive_what_is_owed(connection).await
    }

    /// Reads until the judge misses nothing. A PONG may come before what others have sent: that may
    /// wait in another queue of the server.
    async fn receive_what_is_owed(
        &mut self,
        connection: &mut Connection,
    ) -> Result<(), ConnectionError> {
        let deadline = Instant::now() + self.run.plan.patience();
        while !connection.witness().is_none_or(|it| it.is_settled(Instant::now() > deadline)) {
            if let Ok(exchanged) = timeout(LOOK_EVERY, connection.exchange()).await {
                exchanged?;
            }
            self.take(connection)?;
            if self.is_syncing() {
                self.settle(connection).await?;
            }
        }
        Ok(())
    }

    /// Reads until the PONG: the server sends it after all that it had queued before. Again while a
    /// SYNC is answered.
    async fn settle(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let limit = self.run.service.timeout();
        let settling = async {
            loop {
                connection.send(Body::Ping)?;
                while !self.take(connection)? {
                    connection.exchange().await?;
                }
                if !self.is_syncing() {
                    return Ok(());
                }
            }
        };
        timeout(limit, settling).await.unwrap_or(Err(ConnectionError::Silent(limit)))
    }

    fn is_syncing(&self) -> bool {
        self.received.follower.as_ref().is_some_and(Follower::is_syncing)
    }

    /// Counts what has been read. Returns whether there was a PONG.
    fn take(&mut self, connection: &mut Connection) -> Result<bool, ConnectionError> {
        let (mut notifies, mut pong) = (0, false);
        while let Some(message) = connection.take()? {
            match message.body {
                Body::SyncNotify(_) => notifies += 1,
                Body::Customer(_) | Body::CustomerV2(_)
                    if message.flags.contains(Flags::UNPERSISTENT) =>
                {
                    self.received.transient += 1;
                }
                Body::Pong => pong = true,
                _ => {}
            }
            if let Some(follower) = &mut self.received.follower {
                follower.take(&self.run.plan, message);
            }
        }
        self.received.notifies += notifies;
        self.run.counters.notified(notifies);
        self.ask(connection)?;
        Ok(pong)
    }

    /// Queues the SYNC of a follower that has missed something.
    fn ask(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        if let Some(key) = self.received.follower.as_mut().and_then(Follower::next_sync) {
            connection.send(Body::Sync(key))?;
        }
        Ok(())
    }
}
