//! A customer: sends, waits for ACKs, and after a lost connection repeats what got none.

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use kefu_proto::{Account, Ack, AckStatus, Body, CustomerMessage, CustomerMessageV2, EncodeError};
use kefu_proto::{Flags, Message, Seq, StoreId, UnixTime, Version};
use tokio::select;
use tokio::time::{interval, sleep, sleep_until};

use crate::connection::{Connection, ConnectionError};
use crate::content::{Form, MAX_NUMBER, Template};
use crate::leaving::leave;
use crate::pairs::Pairs;
use crate::pauses::Pauses;
use crate::plan::{Repetition, Role, Target};
use crate::run::Run;
use crate::service::{Caller, LOADING};
use crate::trouble::Repeat;
use crate::window::{self, Acked, Window};

/// Room for the ACKs of 256 messages.
const BUFFER: usize = 4 * 1024;
/// How often a customer that receives nothing checks the time.
const TICK: Duration = Duration::from_secs(1);
/// Microseconds up to an hour with an error of 1 %: 27 KB per customer.
const LATENCY_DIGITS: u8 = 2;
const LONGEST_LATENCY: u64 = 3_600_000_000;

/// A latency histogram, in microseconds.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_LATENCY, LATENCY_DIGITS).expect("the bounds are valid")
}

/// What one customer has sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) uid: u32,
    /// How many messages. They are numbered from 0.
    pub(crate) count: u32,
    /// The numbers of those without an ACK that says success, in order.
    pub(crate) unacked: Vec<u32>,
    /// How many of them got an ACK that says otherwise.
    pub(crate) refused: u64,
    pub(crate) incomplete_pairs: u64,
    pub(crate) latency: Histogram<u64>,
    pub(crate) last_ack: Option<Instant>,
    pub(crate) repeated: u64,
    /// Messages that were sent again though they need not have been.
    pub(crate) repeats: Repeat,
    /// How often messages were sent again, where each time may be stored.
    pub(crate) again: HashMap<u32, Again>,
    pub(crate) reconnects: u64,
    pub(crate) refused_logins: u64,
    /// Why the customer stopped before the end.
    pub(crate) gave_up: Option<ConnectionError>,
}

/// What became of a message after its first sending.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Again {
    pub(crate) sent: u32,
    pub(crate) acked: u32,
}

impl Sent {
    pub(crate) fn new(uid: u32) -> Self {
        Self {
            uid,
            count: 0,
            unacked: Vec::new(),
            refused: 0,
            incomplete_pairs: 0,
            latency: latencies(),
            last_ack: None,
            repeated: 0,
            repeats: Repeat::default(),
            again: HashMap::new(),
            reconnects: 0,
            refused_logins: 0,
            gave_up: None,
        }
    }
}

/// How a customer stops using a connection that works.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// There is nothing left to send or to wait for.
    Over,
    /// It leaves, and comes back.
    Leave,
}

#[derive(Debug)]
pub(crate) struct Customer {
    run: Arc<Run>,
    account: Account,
    seller: Account,
    version: Version,
    marked: Template,
    unmarked: Template,
    /// Contents are split off this buffer, so that most of them need no allocation.
    contents: BytesMut,
    window: Window,
    /// Messages that got their ACK and are to be sent once more.
    to_repeat: Vec<u32>,
    pairs: Pairs,
    pauses: Arc<Pauses>,
    sent: Sent,
}

impl Customer {
    pub(crate) fn new(run: Arc<Run>, uid: u32, pauses: Arc<Pauses>) -> Self {
        let plan = &run.plan;
        Self {
            account: plan.account(Role::Customer, uid),
            seller: plan.account(Role::Seller, plan.seller_of(uid)),
            version: plan.version(Role::Customer, uid),
            marked: plan.format.template(uid, Form::Marked),
            unmarked: plan.format.template(uid, Form::Unmarked),
            contents: BytesMut::with_capacity(plan.format.size().max(BUFFER)),
            window: Window::new(plan.window),
            to_repeat: Vec::new(),
            pairs: Pairs::default(),
            pauses,
            sent: Sent::new(uid),
            run,
        }
    }

    pub(crate) const fn caller(account: Account, version: Version) -> Caller {
        Caller { account, version, device: LOADING, buffer: BUFFER, receive_buffer: None }
    }

    /// Sends until there is nothing left to send or to wait for.
    pub(crate) async fn run(mut self, mut connection: Connection) -> Sent {
        let caller = Self::caller(self.account, self.version);
        loop {
            let server = connection.server();
            let is_lost = match self.converse(&mut connection).await {
                Ok(Turn::Over) => break,
                Ok(Turn::Leave) => {
                    self.leave(connection).await;
                    false
                }
                Err(_) => true,
            };
            let service = &self.run.service;
            match caller.log_in_again(service, server, &mut self.sent.refused_logins).await {
                Ok(again) => connection = again,
                Err(error) => {
                    self.sent.gave_up = Some(error);
                    break;
                }
            }
            if is_lost {
                self.sent.reconnects += 1;
                self.run.counters.reconnected();
            }
        }
        self.sent.count = self.window.next();
        self.sent.unacked.extend(self.window.unacked());
        self.sent.unacked.sort_unstable();
        self.sent.incomplete_pairs = self.pairs.incomplete();
        self.sent
    }

    /// Leaves without waiting for ACKs; behind a goodbye they still come.
    async fn leave(&mut self, connection: Connection) {
        let run = Arc::clone(&self.run);
        let mut acked = 0;
        let take = |message| acked += u64::from(self.take_message(message, Instant::now()));
        leave(connection, &run, take).await;
        self.count_acked(acked, Instant::now());
    }

    /// Uses one connection until the end of the run, or until the customer leaves it.
    async fn converse(&mut self, connection: &mut Connection) -> Result<Turn, ConnectionError> {
        let stay = self.run.plan.shares.churn.includes(self.sent.uid);
        let stay = stay.then(|| self.run.plan.stay(connection.number()));
        let mut leaves = pin!(async {
            match stay {
                Some(stay) => sleep(stay).await,
                None => pending().await,
            }
        });
        let timeout = self.run.service.timeout();
        self.pairs.restart();
        self.window.forget_repeats();
        self.repeat(connection)?;
        let mut tick = interval(TICK);
        let mut now = Instant::now();
        loop {
            self.fill(connection, now)?;
            if self.window.len() == 0 && !self.has_more(now) {
                return Ok(Turn::Over);
            }
            if self.window.is_stuck(now, timeout) {
                self.sent.gave_up = Some(ConnectionError::Silent(timeout));
                return Ok(Turn::Over);
            }
            select! {
                biased;
                () = &mut leaves => return Ok(Turn::Leave),
                exchanged = connection.exchange() => {
                    exchanged?;
                    now = Instant::now();
                    self.take_acks(connection, now)?;
                }
                () = sleep_until(self.due().into()), if self.is_ahead(now) => now = Instant::now(),
                _ = tick.tick() => now = Instant::now(),
            }
        }
    }

    /// Sends as much as the window allows.
    fn fill(&mut self, connection: &mut Connection, now: Instant) -> Result<(), EncodeError> {
        for number in std::mem::take(&mut self.to_repeat) {
            self.repeat_needlessly(connection, number, now)?;
        }
        while self.window.len() < self.run.plan.window && self.has_more(now) && self.due() <= now {
            let number = self.window.send(now);
            self.write(connection, window::seq(number), number)?;
            if self.repetition(number) == Some(Repetition::AtOnce) {
                self.repeat_needlessly(connection, number, now)?;
            }
        }
        Ok(())
    }

    /// When the next message is to be sent, with --rate.
    fn due(&self) -> Instant {
        self.pauses.started() + self.run.plan.due(self.sent.uid, self.window.next())
    }

    /// Whether it waits for the time of the next message, and for nothing else.
    fn is_ahead(&self, now: Instant) -> bool {
        self.window.len() < self.run.plan.window && self.has_more(now) && self.due() > now
    }

    fn has_more(&self, now: Instant) -> bool {
        let next = self.window.next();
        next < MAX_NUMBER
            && match self.run.plan.target {
                Target::Time(time) => now.saturating_duration_since(self.pauses.started()) < time,
                Target::Count(count) => next < count,
            }
    }

    fn take_acks(
        &mut self,
        connection: &mut Connection,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let mut acked = 0;
        let taken = loop {
            match connection.take() {
                Ok(Some(message)) => acked += u64::from(self.take_message(message, now)),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            }
        };
        self.count_acked(acked, now);
        taken
    }

    fn count_acked(&mut self, acked: u64, now: Instant) {
        if acked > 0 {
            self.sent.last_ack = Some(now);
            self.run.counters.acked(acked);
            self.pauses.end();
        }
    }

    /// Whether it is the ACK of a message in flight that has been accepted.
    fn take_message(&mut self, message: Message, now: Instant) -> bool {
        match self.pairs.join(message) {
            Some((Message { body: Body::Ack(ack), .. }, _)) => self.take_ack(ack, now),
            _ => false,
        }
    }

    /// Whether it tells of a message in flight that it has been accepted.
    fn take_ack(&mut self, Ack { seq, status }: Ack, now: Instant) -> bool {
        if let Some(number) = self.window.ack_repeat(seq, now) {
            self.take_ack_of_repeat(number, status);
            return false;
        }
        let Some(Acked { number, latency }) = self.window.ack(seq, now) else { return false };
        let is_accepted = status == AckStatus::OK;
        if is_accepted {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            self.sent.latency.saturating_record(micros);
            if self.repetition(number) == Some(Repetition::AfterAck) {
                self.to_repeat.push(number);
            }
        } else {
            self.sent.refused += 1;
            self.sent.unacked.push(number);
        }
        is_accepted
    }

    fn take_ack_of_repeat(&mut self, number: u32, status: AckStatus) {
        if status == AckStatus::OK {
            self.sent.repeats.acked += 1;
            if let Some(again) = self.sent.again.get_mut(&number) {
                again.acked += 1;
            }
        }
    }

    fn repetition(&self, number: u32) -> Option<Repetition> {
        self.run.plan.repetition(self.sent.uid, number)
    }

    /// Sends a message once more though it is in flight or has its ACK.
    fn repeat_needlessly(
        &mut self,
        connection: &mut Connection,
        number: u32,
        now: Instant,
    ) -> Result<(), EncodeError> {
        self.window.repeat(number, now);
        match self.run.plan.form(self.sent.uid, number) {
            Form::Marked => self.sent.repeats.marked += 1,
            Form::Unmarked => self.sent.repeats.unmarked += 1,
        }
        self.send_again(connection, window::repeat_seq(number), number)
    }

    fn send_again(
        &mut self,
        connection: &mut Connection,
        seq: Seq,
        number: u32,
    ) -> Result<(), EncodeError> {
        let plan = &self.run.plan;
        if plan.allows_repeats || plan.form(self.sent.uid, number) == Form::Unmarked {
            self.sent.again.entry(number).or_default().sent += 1;
        }
        self.write(connection, seq, number)
    }

    /// Sends the messages in flight again on a new connection, in the same order, under the same
    /// uuids.
    fn repeat(&mut self, connection: &mut Connection) -> Result<(), EncodeError> {
        let unacked: Vec<u32> = self.window.unacked().collect();
        for number in unacked {
            self.send_again(connection, window::seq(number), number)?;
            self.sent.repeated += 1;
        }
        Ok(())
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        seq: Seq,
        number: u32,
    ) -> Result<(), EncodeError> {
        let template = match self.run.plan.form(self.sent.uid, number) {
            Form::Marked => &mut self.marked,
            Form::Unmarked => &mut self.unmarked,
        };
        self.contents.extend_from_slice(template.numbered(number));
        let content = self.contents.split().freeze();
        let transient = self.run.plan.is_transient(self.sent.uid, number);
        let flags = if transient { Flags::TEXT | Flags::UNPERSISTENT } else { Flags::TEXT };
        connection.queue(seq, flags, self.body(content))
    }

    fn body(&self, content: Bytes) -> Body {
        let (sender, receiver, timestamp) = (self.account, self.seller, UnixTime::from(0));
        if self.version >= Version::V2 {
            return Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content });
        }
        Body::Customer(CustomerMessage {
            customer_appid: sender.appid,
            customer_id: sender.uid,
            store_id: StoreId(1),
            seller_id: receiver.uid,
            timestamp,
            content,
        })
    }
}
