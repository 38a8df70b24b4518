//! A connection after its login: requests are processed in order, and messages of others are sent
//! in between.

use std::time::SystemTime;

use kefu_proto::{
    Accepted, Closed, Delivery, Dialect, Effect, Effects, Encode, MsgId, Online, OwnedOutbound,
    Platform, Refusal, Request, Saves, SyncRequest, UnixTime,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep_until;

use crate::connection::end::End;
use crate::connection::in_flight::{Done, InFlight};
use crate::connection::liveness::Liveness;
use crate::connection::login::LoggedIn;
use crate::connection::socket::Socket;
use crate::connection::sync::Syncing;
use crate::service::{Registration, Service};
use crate::trace::TraceEvent;

/// The state of a connection after its login.
pub(super) struct OnlineConnection<'c, R, W> {
    socket: &'c mut Socket<R, W>,
    online: Online,
    platform: Platform,
    registration: Registration,
    service: &'c Service,
    /// Messages that will be stored together.
    batch: Vec<Saves>,
    in_flight: InFlight,
    /// Waits until nothing is in flight.
    blocked: Option<Blocked>,
    /// A sync that is being answered.
    syncing: Option<Syncing>,
    /// Set once nothing more is read. What is in flight is still finished.
    ending: Option<End>,
    liveness: Liveness,
}

/// A request that has to see the result of all saves before it.
enum Blocked {
    Sync(SyncRequest),
    KeepSyncKey(MsgId),
    KeepDialect(Dialect),
}

impl<'c, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> OnlineConnection<'c, R, W> {
    pub(super) fn new(
        socket: &'c mut Socket<R, W>,
        LoggedIn { online, platform, registration }: LoggedIn,
        liveness: Liveness,
        service: &'c Service,
    ) -> Self {
        liveness.heard();
        Self {
            socket,
            online,
            platform,
            registration,
            service,
            batch: Vec::new(),
            in_flight: InFlight::default(),
            blocked: None,
            syncing: None,
            ending: None,
            liveness,
        }
    }

    /// Serves the client until one side ends the connection.
    pub(super) async fn run(mut self) -> End {
        let mut mail = Vec::with_capacity(MAIL_BATCH);
        loop {
            let outcome = match (self.take_requests().await, self.ending) {
                (Ok(()), Some(end)) if self.is_done() => return end,
                (Ok(()), _) => self.wait(&mut mail).await,
                (Err(end), _) => Err(end),
            };
            if let Err(end) = outcome {
                self.ending = self.ending.or(Some(end));
                // The client has gone or does not read.
                if matches!(end, End::Slow | End::Io | End::Idle) {
                    self.socket.output.give_up();
                    self.syncing = None;
                }
            }
        }
    }

    /// Processes what has been read, as far as the limits allow.
    async fn take_requests(&mut self) -> Result<(), End> {
        let now = now();
        let mut taken = Ok(true);
        while matches!(taken, Ok(true)) && self.may_begin() {
            taken = if self.syncing.is_some() {
                self.sync_page().await.map(|()| true)
            } else if let Some(request) = self.blocked.take() {
                self.begin(request).await
            } else {
                self.take_request(now).await
            };
        }
        self.submit().await;
        taken.map(drop)
    }

    /// Whether another request may be processed. This is the backpressure: a client that sends
    /// faster than it is served, or reads too slowly, fills its socket.
    fn may_begin(&self) -> bool {
        self.socket.output.buffer.len() < OUTPUT_HIGH_WATER
            && self.in_flight.messages() + self.batch.len() < MAX_IN_FLIGHT
            && (self.blocked.is_none() || self.in_flight.is_empty())
    }

    fn is_done(&self) -> bool {
        self.in_flight.is_empty() && self.blocked.is_none() && self.syncing.is_none()
    }

    /// Processes the next request; `false` if there is none.
    async fn take_request(&mut self, now: UnixTime) -> Result<bool, End> {
        if self.ending.is_some() {
            return Ok(false);
        }
        match self.online.receive(&mut self.socket.input.buffer, now)? {
            None => return Ok(false),
            Some(Request::Deliver(delivery)) => self.deliver(delivery).await,
            Some(Request::Reply(message)) => {
                self.submit().await;
                self.in_flight.reply(message);
            }
            Some(Request::Refused(refusal)) => self.refuse(refusal),
            Some(Request::Sync(request)) => {
                self.submit().await;
                self.blocked = Some(Blocked::Sync(request));
            }
            Some(Request::KeepSyncKey(key)) => {
                self.submit().await;
                self.blocked = Some(Blocked::KeepSyncKey(key));
            }
            Some(Request::KeepDialect(dialect)) => {
                self.submit().await;
                self.blocked = Some(Blocked::KeepDialect(dialect));
            }
            // Unlisted commands have no meaning for this server.
            Some(_) => {
                self.service.metrics.unlisted.inc();
            }
        }
        Ok(true)
    }

    /// Every chat message passes here before anything happens to it. This is the place for an
    /// operator's own rules; this server has none and accepts all.
    async fn deliver(&mut self, delivery: Delivery) {
        self.service.metrics.accepted.inc();
        match delivery.accept() {
            Accepted::Persistent(saves) => self.batch.push(saves),
            Accepted::Transient(effects) => {
                self.submit().await;
                self.in_flight.apply(effects);
            }
        }
    }

    /// Gives the batch to the store, and waits while its queue is full.
    async fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        // A closed store takes nothing, so there is no ACK (H8).
        let from = self.registration.seat.id();
        for save in self.service.dispatcher.submit(batch, from).await.unwrap_or_default() {
            self.in_flight.save(save);
        }
    }

    fn refuse(&self, refusal: Refusal) {
        let from = self.online.identity().account();
        tracing::debug!(%from, %refusal, "refused");
        self.service.metrics.refuse(refusal.reason());
        if self.service.trace.is_watched() {
            self.service.trace.send(TraceEvent::refused(from, refusal));
        }
    }

    /// Processes a request that had to wait until nothing was in flight.
    async fn begin(&mut self, request: Blocked) -> Result<bool, End> {
        match request {
            Blocked::Sync(request) => self.begin_sync(request).await?,
            Blocked::KeepSyncKey(key) => {
                let account = self.online.identity().account();
                self.service.auth.keep_key(&self.service.store, account, key).await;
            }
            Blocked::KeepDialect(dialect) => {
                let account = self.online.identity().account();
                self.service.keep_dialect(account, self.platform, dialect).await;
            }
        }
        Ok(true)
    }

    async fn begin_sync(&mut self, request: SyncRequest) -> Result<(), End> {
        if !self.socket.output.is_lost() {
            let out = &mut self.socket.output.buffer;
            let syncing = Syncing::begin(request, &mut self.online, self.service, out).await?;
            self.syncing = Some(syncing);
        }
        Ok(())
    }

    async fn sync_page(&mut self) -> Result<(), End> {
        if let Some(syncing) = self.syncing.take()
            && !self.socket.output.is_lost()
        {
            let out = &mut self.socket.output.buffer;
            self.syncing = syncing.continued(&mut self.online, self.service, out).await?;
        }
        Ok(())
    }

    /// Waits for the next event and handles it.
    async fn wait(&mut self, mail: &mut Vec<OwnedOutbound>) -> Result<(), End> {
        let Socket { input, output } = &mut *self.socket;
        let (has_room, is_lost) = (output.buffer.len() < OUTPUT_HIGH_WATER, output.is_lost());
        let is_over = is_lost && self.ending.is_some();
        let reads = self.ending.is_none()
            && self.in_flight.messages() < MAX_IN_FLIGHT
            && self.blocked.is_none()
            && has_room;
        let idle_timeout = self.service.limits.idle_timeout;
        let inbox = &mut self.registration.inbox;
        tokio::select! {
            biased;
            () = inbox.slow.cancelled(), if !is_lost => return Err(End::Slow),
            () = self.service.stopping.cancelled(), if self.ending.is_none() => {
                return Err(End::Stopping);
            }
            done = self.in_flight.next(), if has_room => self.finish(done).await?,
            received = inbox.messages.recv_many(mail, MAIL_BATCH), if has_room => {
                debug_assert!(received > 0, "the router keeps the sender for as long as the seat");
                for message in mail.drain(..) {
                    self.write(&message)?;
                }
            }
            () = output.drain(), if output.is_waiting() => {}
            filled = input.fill(), if reads => {
                filled?;
                self.liveness.heard();
            }
            () = sleep_until(self.liveness.last_heard() + idle_timeout), if !is_over => {
                // A ping below the byte stream may have come since.
                if self.liveness.last_heard().elapsed() >= idle_timeout {
                    return Err(End::Idle);
                }
            }
        }
        Ok(())
    }

    /// Finishes the oldest request. If its save failed there are no effects (H8).
    async fn finish(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Saved(effects) => {
                for effects in effects.unwrap_or_default() {
                    self.answer(&effects).await?;
                }
            }
            Done::Apply(effects) => {
                self.service.forwarder.forward(&effects, self.registration.seat.id()).await;
                self.answer(&effects).await?;
            }
            Done::Reply(message) => self.write(&message)?,
        }
        Ok(())
    }

    /// Applies what is left of the effects once they are forwarded: the push and the ACK.
    async fn answer(&mut self, effects: &Effects) -> Result<(), End> {
        let mut push = None;
        for effect in effects {
            match effect {
                Effect::PushMessage { to, message } => {
                    push = Some(self.service.push(to, message).await);
                }
                Effect::SendAppMessage { .. } | Effect::SendMessage { .. } => {}
                Effect::EnqueueMessage { message } => {
                    self.take_own_mail(effects)?;
                    self.write(&message)?;
                }
            }
        }
        if self.service.trace.is_watched() {
            self.service.trace.send(TraceEvent::applied(effects, push));
        }
        Ok(())
    }

    /// A message to oneself comes to this connection, too, and before its ACK (H7.4, H7.6).
    fn take_own_mail(&mut self, effects: &Effects) -> Result<(), End> {
        if effects.receiver() == self.online.identity().account() {
            while let Ok(message) = self.registration.inbox.messages.try_recv() {
                self.write(&message)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, message: &impl Encode) -> Result<(), End> {
        if !self.socket.output.is_lost() {
            self.online.write(message, &mut self.socket.output.buffer).map_err(Closed::from)?;
        }
        Ok(())
    }
}

/// The clock, which saturates in 2038 (H4).
fn now() -> UnixTime {
    UnixTime::saturating_from(SystemTime::now())
}

/// The high-water mark of the output buffer, in bytes: above it no request is processed.
const OUTPUT_HIGH_WATER: usize = 256 * 1024;
/// The most messages of one client that may be in flight.
const MAX_IN_FLIGHT: usize = 1024;
/// The most messages of others that are written at once.
const MAIL_BATCH: usize = 256;
