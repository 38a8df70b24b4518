//! A logged-in connection: what the client asks for is done in order, what others have for it goes out in between.

use std::collections::VecDeque;
use std::time::SystemTime;

use kefu_proto::{
    Closed, Effect, Effects, Encode, Message, MsgId, Online, Refusal, Request, Saves, SyncPages,
    SyncRequest, UnixTime,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use crate::client::End;
use crate::router::{Inbox, Seat};
use crate::server::Shared;
use crate::store::{Reader, Saving, StoreError};
use crate::trace::Traced;
use crate::wire::Wire;

/// The state of one logged-in connection.
pub struct Client<'c, R, W> {
    wire: &'c mut Wire<R, W>,
    online: Online,
    seat: Seat,
    inbox: Inbox,
    shared: &'c Shared,
    /// To be stored together.
    batch: Vec<Saves>,
    /// Begun and not finished, in the order of the requests.
    in_hand: VecDeque<InHand>,
    /// How many messages are in there.
    in_hand_messages: usize,
    /// Waits until nothing is in hand.
    blocked: Option<Blocked>,
    syncing: Option<Sync>,
    /// Set once nothing more is read; what is in hand is still finished.
    ending: Option<End>,
    heard: Instant,
}

/// The stages between a request and its answer.
enum InHand {
    /// So many messages are being stored.
    Saving(usize, Saving),
    /// To be applied in its turn.
    Apply(Effects),
    /// To be written in its turn.
    Reply(Message),
}

/// A queue that is being sent.
struct Sync {
    pages: SyncPages,
    rows: Reader,
}

/// What waits until all before it is answered: it looks at what the saves have left.
enum Blocked {
    Sync(SyncRequest),
    KeepSyncKey(MsgId),
}

impl<'c, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Client<'c, R, W> {
    pub fn new(
        wire: &'c mut Wire<R, W>,
        online: Online,
        seat: Seat,
        inbox: Inbox,
        shared: &'c Shared,
    ) -> Self {
        Self {
            wire,
            online,
            seat,
            inbox,
            shared,
            batch: Vec::new(),
            in_hand: VecDeque::new(),
            in_hand_messages: 0,
            blocked: None,
            syncing: None,
            ending: None,
            heard: Instant::now(),
        }
    }

    /// Serves the client until one side ends it.
    pub async fn run(mut self) -> End {
        let mut mail = Vec::with_capacity(MAIL_BATCH);
        loop {
            let outcome = match (self.take_requests().await, self.ending) {
                (Ok(()), Some(end)) if self.is_done() => return end,
                (Ok(()), _) => self.wait(&mut mail).await,
                (Err(end), _) => Err(end),
            };
            if let Err(end) = outcome {
                self.ending = self.ending.or(Some(end));
                // To a client that is gone or does not read nothing is said any more.
                if matches!(end, End::Slow | End::Io | End::Idle) {
                    self.wire.writer.give_up();
                    self.syncing = None;
                }
            }
        }
    }

    /// Goes as far as what has been read and what is in hand allow.
    async fn take_requests(&mut self) -> Result<(), End> {
        let now = now();
        let mut taken = Ok(true);
        while matches!(taken, Ok(true)) && self.may_begin() {
            taken = if self.syncing.is_some() {
                self.sync_page().await
            } else if let Some(request) = self.blocked.take() {
                self.begin(request).await
            } else {
                self.take_request(now).await
            };
        }
        self.submit().await;
        taken.map(drop)
    }

    /// Whether the next request may be looked at. What a client sends faster than it is served, or asks for faster than it
    /// reads, waits in its socket.
    fn may_begin(&self) -> bool {
        self.wire.writer.out.len() < OUT_HIGH
            && self.in_hand_messages + self.batch.len() < IN_HAND_MOST
            && (self.blocked.is_none() || self.in_hand.is_empty())
    }

    fn is_done(&self) -> bool {
        self.in_hand.is_empty() && self.blocked.is_none() && self.syncing.is_none()
    }

    /// Takes in the next request; `false` if there is none.
    async fn take_request(&mut self, now: UnixTime) -> Result<bool, End> {
        if self.ending.is_some() {
            return Ok(false);
        }
        match self.online.receive(&mut self.wire.reader.read, now)? {
            None => return Ok(false),
            Some(Request::Store(saves)) => {
                self.shared.metrics.accepted.inc();
                self.batch.push(saves);
            }
            Some(Request::Apply(effects)) => {
                self.shared.metrics.accepted.inc();
                self.submit().await;
                self.in_hand_messages += 1;
                self.in_hand.push_back(InHand::Apply(effects));
            }
            Some(Request::Reply(message)) => {
                self.submit().await;
                self.in_hand.push_back(InHand::Reply(message));
            }
            Some(Request::Refused(refusal)) => self.refuse(refusal),
            Some(Request::Unlisted(_)) => {
                self.shared.metrics.unlisted.inc();
            }
            Some(Request::Sync(request)) => {
                self.submit().await;
                self.blocked = Some(Blocked::Sync(request));
            }
            Some(Request::KeepSyncKey(key)) => {
                self.submit().await;
                self.blocked = Some(Blocked::KeepSyncKey(key));
            }
        }
        Ok(true)
    }

    /// Hands the batch to the store; waits for room there.
    async fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        // A store that is closed takes nothing: no ACK (H8).
        for (messages, saving) in self.shared.store.submit(batch).await.unwrap_or_default() {
            self.in_hand_messages += messages;
            self.in_hand.push_back(InHand::Saving(messages, saving));
        }
    }

    fn refuse(&self, refusal: Refusal) {
        let from = self.online.identity().account();
        tracing::debug!(%from, %refusal, "refused");
        self.shared.metrics.refuse(refusal.reason());
        if self.shared.trace.is_watched() {
            self.shared.trace.tell(Traced::refused(from, refusal));
        }
    }

    /// Does what had to wait until nothing was in hand.
    async fn begin(&mut self, request: Blocked) -> Result<bool, End> {
        match request {
            Blocked::Sync(request) => self.begin_sync(request).await?,
            Blocked::KeepSyncKey(key) => {
                let account = self.online.identity().account();
                self.shared.auth.keep_key(&self.shared.store, account, key).await;
            }
        }
        Ok(true)
    }

    async fn begin_sync(&mut self, request: SyncRequest) -> Result<(), End> {
        if self.wire.writer.is_lost() {
            return Ok(());
        }
        let kept = if request.wants_kept_key() {
            let Shared { auth, store, .. } = self.shared;
            auth.kept_key(store, request.queue()).await.map_err(|_| End::Store)?
        } else {
            MsgId(0)
        };
        let (begin, pages) = request.begin(kept);
        self.write(&begin)?;
        let rows = self.shared.store.reader(self.online.identity().account(), pages.after());
        self.syncing = Some(Sync { pages, rows });
        Ok(())
    }

    async fn sync_page(&mut self) -> Result<bool, End> {
        let Some(Sync { mut pages, mut rows }) = self.syncing.take() else { return Ok(true) };
        let page = rows.page(PAGE).await.map_err(|_| End::Store)?;
        let is_last = page.len() < PAGE;
        for frame in page.into_iter().filter_map(|row| pages.row(row)) {
            self.write(&frame)?;
        }
        if is_last {
            self.write(&pages.end())?;
        } else {
            self.syncing = Some(Sync { pages, rows });
        }
        Ok(true)
    }

    /// Waits for whatever comes first and deals with it.
    async fn wait(&mut self, mail: &mut Vec<Message>) -> Result<(), End> {
        let Wire { reader, writer } = &mut *self.wire;
        let (has_room, is_lost) = (writer.out.len() < OUT_HIGH, writer.is_lost());
        let is_over = is_lost && self.ending.is_some();
        let listens = self.ending.is_none()
            && self.in_hand_messages < IN_HAND_MOST
            && self.blocked.is_none()
            && has_room;
        tokio::select! {
            biased;
            () = self.inbox.slow.cancelled(), if !is_lost => return Err(End::Slow),
            () = self.shared.stopping.cancelled(), if self.ending.is_none() => {
                return Err(End::Stopping);
            }
            done = finished(&mut self.in_hand), if has_room => self.finish(done).await?,
            received = self.inbox.messages.recv_many(mail, MAIL_BATCH), if has_room => {
                debug_assert!(received > 0, "the router holds the other end while the seat is taken");
                for message in mail.drain(..) {
                    self.write(&message)?;
                }
            }
            () = writer.drain(), if writer.is_waiting() => {}
            filled = reader.fill(), if listens => {
                filled?;
                self.heard = Instant::now();
            }
            () = sleep_until(self.heard + self.shared.limits.idle_timeout), if !is_over => {
                return Err(End::Idle);
            }
        }
        Ok(())
    }

    /// The next in hand is ready: its effects, in order (H6, H7). If a save failed there are none (H8).
    async fn finish(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Saved { messages, effects } => {
                self.in_hand_messages -= messages;
                for effects in effects.unwrap_or_default() {
                    self.apply(&effects).await?;
                }
            }
            Done::Apply(effects) => {
                self.in_hand_messages -= 1;
                self.apply(&effects).await?;
            }
            Done::Reply(message) => self.write(&message)?,
        }
        Ok(())
    }

    async fn apply(&mut self, effects: &Effects) -> Result<(), End> {
        let mut push = None;
        for effect in effects {
            match effect {
                Effect::PushMessage { to, message } => {
                    push = Some(self.shared.push(to, message).await);
                }
                Effect::SendAppMessage { to, message } => {
                    self.shared.send(to, None, &message.to_message()).await;
                }
                Effect::SendMessage { to, message } => {
                    self.shared.send(to, Some(self.seat.id()), &message.to_message()).await;
                }
                Effect::EnqueueMessage { message } => self.write(&message)?,
            }
        }
        if self.shared.trace.is_watched() {
            let from = self.online.identity().account();
            self.shared.trace.tell(Traced::applied(from, effects, push));
        }
        Ok(())
    }

    fn write(&mut self, message: &impl Encode) -> Result<(), End> {
        if !self.wire.writer.is_lost() {
            self.online.write(message, &mut self.wire.writer.out).map_err(Closed::from)?;
        }
        Ok(())
    }
}

/// What was next in hand, ready.
enum Done {
    Saved { messages: usize, effects: Result<Vec<Effects>, StoreError> },
    Apply(Effects),
    Reply(Message),
}

/// The next in hand, as soon as it is ready; never, while nothing is in hand. Nothing is lost if it is cancelled.
async fn finished(in_hand: &mut VecDeque<InHand>) -> Done {
    match in_hand.front_mut() {
        None => return std::future::pending().await,
        Some(InHand::Saving(messages, saving)) => {
            let done = Done::Saved { messages: *messages, effects: saving.await };
            in_hand.pop_front();
            return done;
        }
        Some(InHand::Apply(_) | InHand::Reply(_)) => {}
    }
    match in_hand.pop_front() {
        Some(InHand::Apply(effects)) => Done::Apply(effects),
        Some(InHand::Reply(message)) => Done::Reply(message),
        Some(InHand::Saving(..)) | None => std::future::pending().await,
    }
}

/// The clock. After 2038 it stands still (H4).
fn now() -> UnixTime {
    UnixTime::saturating_from(SystemTime::now())
}

/// How many bytes may wait to be written before nothing more is begun for a client.
const OUT_HIGH: usize = 256 * 1024;
/// How many messages of one client may be in hand.
const IN_HAND_MOST: usize = 1024;
/// How many messages of others are written at once.
const MAIL_BATCH: usize = 256;
/// How many rows of a queue are read at once.
const PAGE: usize = 256;
