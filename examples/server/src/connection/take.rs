//! Requests of a client: what has been read is begun, in its order.

use std::sync::Arc;
use std::time::SystemTime;

use kefu_proto::{Accepted, Delivery, Refusal, Request, UnixTime};

use crate::connection::end::End;
use crate::connection::online::{Blocked, OnlineConnection};
use crate::connection::sync;
use crate::connection::transport::Transport;
use crate::store::PendingSave;
use crate::trace::TraceEvent;

impl<S: Transport> OnlineConnection<'_, S> {
    /// Begins what has been read, as far as the bounds allow.
    pub(super) fn take_requests(&mut self) -> Result<(), End> {
        let now = now();
        let mut requests = 0;
        let mut taken = Ok(true);
        while matches!(taken, Ok(true)) && self.may_take() {
            taken = if let Some(request) = self.blocked.take_if(|_| self.in_flight.is_empty()) {
                self.begin(request);
                Ok(true)
            } else if self.ending.is_some() {
                Ok(false)
            } else {
                self.take_request(now)
            };
            requests += usize::from(matches!(taken, Ok(true)));
        }
        self.submit();
        self.spend(requests);
        taken.map(drop)
    }

    /// Whether another request may begin. This is the backpressure: a client that sends faster than
    /// it is served, or reads too slowly, fills its socket.
    pub(super) fn may_take(&self) -> bool {
        self.socket.has_room()
            && self.in_flight.has_room()
            && self.resting.is_none()
            && self.syncing.as_ref().is_none_or(|syncing| syncing.has_begun)
            && self.keeping.is_none()
            && (self.blocked.is_none() || self.is_quiet())
    }

    /// Begins the next request; `false` if there is none.
    fn take_request(&mut self, now: UnixTime) -> Result<bool, End> {
        let input = self.socket.input();
        let before = input.len();
        let request = self.online.receive(input, now)?;
        let length = before - input.len();
        match request {
            None => {
                self.in_flight.pass(length);
                return Ok(false);
            }
            Some(Request::Deliver(delivery)) => {
                self.in_flight.begin(length);
                self.deliver(delivery);
            }
            Some(Request::Reply(message)) if self.in_flight.is_empty() => self.write(&message)?,
            Some(Request::Reply(message)) => {
                self.submit();
                self.in_flight.begin(length);
                self.in_flight.reply(message);
            }
            Some(Request::Refused(refusal)) => {
                self.in_flight.pass(length);
                self.refuse(refusal);
            }
            Some(Request::Sync(request)) => self.block(Blocked::Sync(request)),
            Some(Request::KeepSyncKey(key)) => self.block(Blocked::KeepSyncKey(key)),
            Some(Request::KeepDialect(dialect)) => self.block(Blocked::KeepDialect(dialect)),
            // Unlisted commands have no meaning for this server.
            Some(_) => {
                self.in_flight.pass(length);
                self.service.metrics.unlisted.inc();
            }
        }
        Ok(true)
    }

    /// Every chat message passes here before anything happens to it. This is the place for an
    /// operator's own rules; this server has none and accepts all.
    fn deliver(&mut self, delivery: Delivery) {
        self.service.metrics.accepted.inc();
        match delivery.accept() {
            Accepted::Persistent(saves) => self.batch.push(saves),
            Accepted::Transient(effects) => {
                self.submit();
                self.in_flight.apply(effects);
            }
        }
    }

    /// Gives the batch to the store.
    fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let messages = batch.len();
        let (service, from) = (Arc::clone(self.service), self.registration.seat.id());
        self.in_flight.submit(Box::pin(async move {
            let saves = service.dispatcher.submit(batch, from).await;
            // A closed store takes nothing, so there is no ACK (H8).
            let failed = |error| vec![PendingSave::new(messages, async { Err(error) })];
            saves.unwrap_or_else(failed)
        }));
    }

    fn refuse(&self, refusal: Refusal) {
        let from = self.online.identity().account();
        tracing::debug!(%from, %refusal, "refused");
        self.service.metrics.refuse(refusal.reason());
        if self.service.trace.is_watched() {
            self.service.trace.send(TraceEvent::refused(from, refusal));
        }
    }

    fn block(&mut self, request: Blocked) {
        self.submit();
        self.blocked = Some(request);
    }

    /// Begins a request that had to wait for those before it.
    fn begin(&mut self, request: Blocked) {
        let service = Arc::clone(self.service);
        let (account, platform) = (self.online.identity().account(), self.platform);
        match request {
            Blocked::Sync(_) if self.socket.is_lost() => {}
            Blocked::Sync(request) => self.syncing = Some(sync::begin(request, &service)),
            Blocked::KeepSyncKey(key) => {
                self.keeping = Some(Box::pin(async move {
                    service.auth.keep_key(&service.store, account, key).await;
                }));
            }
            Blocked::KeepDialect(dialect) => {
                self.keeping = Some(Box::pin(async move {
                    service.keep_dialect(account, platform, dialect).await;
                }));
            }
        }
    }

    /// Counts what was read for the account, and rests if that was too much.
    fn spend(&mut self, requests: usize) {
        let bytes = self.socket.take_read();
        if requests > 0 || bytes > 0 {
            self.resting = self.registration.seat.pace().spend(requests, bytes).or(self.resting);
            if self.resting.is_some() {
                self.service.metrics.throttled.inc();
            }
        }
    }
}

/// The clock, which saturates in 2038 (H4).
fn now() -> UnixTime {
    UnixTime::saturating_from(SystemTime::now())
}
