//! Sends publications and finds their answers.
//!
//! All answers come back on one subscription, each on a subject that ends with the number of its
//! publication.
//!
//! What waits is bounded: 32 MiB, where each message counts with its body and 1 KiB, until it is
//! answered or, if it gets no answer, until the client has it. Further ones wait for room.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::SubscribeError;
use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::store::jetstream::ack::Ack;
use crate::store::jetstream::error::JetStreamError;
use crate::store::jetstream::gaps::Gaps;
use crate::store::jetstream::outgoing::{Outgoing, hand_over};
use crate::store::jetstream::publication::Publication;
use crate::store::jetstream::timing::{ANSWER_TIMEOUT, RETRY_PAUSE};
use crate::store::jetstream::unanswered::{Answer, Unanswered};

pub(super) struct Publisher {
    client: Client,
    /// The subject of the answers, up to the number.
    inbox: String,
    /// What is on its way to the client. Bounded by `room`.
    queue: mpsc::UnboundedSender<Outgoing>,
    unanswered: Arc<Unanswered>,
    room: Arc<Semaphore>,
    /// End with this.
    _tasks: JoinSet<()>,
}

impl Publisher {
    pub(super) async fn new(client: Client, gaps: Arc<Gaps>) -> Result<Self, SubscribeError> {
        Self::with_room(client, gaps, MOST_BYTES).await
    }

    async fn with_room(
        client: Client,
        gaps: Arc<Gaps>,
        most_bytes: usize,
    ) -> Result<Self, SubscribeError> {
        let inbox = format!("{}.", client.new_inbox());
        let answers = client.subscribe(format!("{inbox}*")).await?;
        let unanswered = Arc::new(Unanswered::default());
        let (queue, waiting) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(hand_over(client.clone(), waiting, Arc::clone(&unanswered)));
        tasks.spawn(receive(answers, inbox.len(), Arc::clone(&unanswered)));
        tasks.spawn(give_up(gaps, Arc::clone(&unanswered)));
        let room = Arc::new(Semaphore::new(most_bytes));
        Ok(Self { client, inbox, queue, unanswered, room, _tasks: tasks })
    }

    /// Sends a message once, and returns where its answer will be.
    pub(super) async fn send(&self, publication: &Publication) -> Result<Answer, JetStreamError> {
        // Without a connection the client would keep it, and send it after the last attempt.
        if !self.is_connected() {
            return Err(JetStreamError::nats("no connection"));
        }
        let deadline = Instant::now() + TIMEOUT;
        let room = by(deadline, self.room(&publication.body)).await??;
        let answer = self.unanswered.add(deadline, room);
        self.enqueue(Outgoing::Publication {
            number: answer.number(),
            reply: format!("{}{}", self.inbox, answer.number()),
            subject: publication.subject.clone(),
            headers: publication.headers(),
            body: Bytes::clone(&publication.body),
        })?;
        Ok(answer)
    }

    /// Sends a message that gets no answer. It may be lost with the connection.
    pub(super) async fn tell(&self, subject: String, body: Bytes) -> Result<(), JetStreamError> {
        let room = self.room(&body).await?;
        self.enqueue(Outgoing::Notice { subject, body, room })
    }

    /// Waits until the client has all that was sent.
    pub(super) async fn flush(&self) {
        let (mark, reached) = oneshot::channel();
        if self.enqueue(Outgoing::Mark(mark)).is_ok() {
            // With an error there is no client any more.
            let _ = reached.await;
        }
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    async fn room(&self, body: &Bytes) -> Result<OwnedSemaphorePermit, JetStreamError> {
        let size = body.len().saturating_add(OVERHEAD).min(MOST_BYTES);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(size).await.map_err(JetStreamError::nats)
    }

    fn enqueue(&self, outgoing: Outgoing) -> Result<(), JetStreamError> {
        self.queue.send(outgoing).map_err(|_| JetStreamError::nats("the client has ended"))
    }
}

/// What is done by a deadline. It needs no timer if it is done at once, as it mostly is.
async fn by<T>(deadline: Instant, done: impl Future<Output = T>) -> Result<T, JetStreamError> {
    let mut done = std::pin::pin!(done);
    if let Some(done) = done.as_mut().now_or_never() {
        return Ok(done);
    }
    timeout_at(deadline, done).await.map_err(|_| JetStreamError::nats("NATS takes nothing"))
}

async fn receive(mut answers: Subscriber, prefix: usize, unanswered: Arc<Unanswered>) {
    while let Some(answer) = answers.next().await {
        if let Some(number) = answer.subject.get(prefix..).and_then(|number| number.parse().ok()) {
            unanswered.answer(number, Ack::read(&answer));
        }
    }
}

async fn give_up(gaps: Arc<Gaps>, unanswered: Arc<Unanswered>) {
    let mut disconnected = gaps.disconnected.subscribe();
    let mut expiry = interval(EXPIRY);
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Ok(()) = disconnected.changed() => unanswered.disconnect(),
            now = expiry.tick() => unanswered.expire(now),
        }
    }
}

/// How long one attempt may take: with the delay of its expiry and the pause that follows no longer
/// than two answers.
const TIMEOUT: Duration =
    ANSWER_TIMEOUT.saturating_mul(2).saturating_sub(EXPIRY).saturating_sub(RETRY_PAUSE);
/// Between two looks for attempts that have taken too long.
const EXPIRY: Duration = Duration::from_millis(250);
/// The most bytes of publications that wait for their answer.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// What a publication counts besides its body. This bounds their number, too.
const OVERHEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use async_nats::{ConnectOptions, Event};
    use kefu_proto::{Command, DeviceId};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A NATS that answers what the test says.
    struct Nats {
        read: BufReader<OwnedReadHalf>,
        write: OwnedWriteHalf,
        sid: String,
    }

    impl Nats {
        async fn accept(listener: &TcpListener) -> Self {
            let (stream, _) = listener.accept().await.expect("a client");
            let (read, write) = TcpStream::into_split(stream);
            let mut nats = Self { read: BufReader::new(read), write, sid: String::new() };
            nats.say(r#"INFO {"headers":true,"max_payload":4096,"proto":1}"#).await;
            assert!(nats.line().await.starts_with("CONNECT "));
            let subscription = nats.line().await;
            assert!(subscription.starts_with("SUB _INBOX."), "{subscription}");
            nats.sid = subscription.rsplit(' ').next().expect("a sid").to_owned();
            nats
        }

        async fn say(&mut self, line: &str) {
            self.write.write_all(format!("{line}\r\n").as_bytes()).await.expect("connected");
        }

        /// The next line, after any PINGs.
        async fn line(&mut self) -> String {
            loop {
                let mut line = String::new();
                self.read.read_line(&mut line).await.expect("a line");
                match line.trim_end() {
                    "PING" => self.say("PONG").await,
                    line => return line.to_owned(),
                }
            }
        }

        /// The next publication: where its answer goes, and what it is.
        async fn publication(&mut self) -> (String, String) {
            let line = self.line().await;
            let words: Vec<&str> = line.split(' ').collect();
            let ["HPUB", subject, reply, _, length] = words[..] else { panic!("{line}") };
            let mut rest = vec![0; length.parse::<usize>().expect("a length") + 2];
            self.read.read_exact(&mut rest).await.expect("a message");
            let rest = String::from_utf8(rest).expect("text");
            (reply.to_owned(), format!("{subject} {rest}"))
        }

        async fn ack(&mut self, reply: &str, sequence: u64) {
            let ack = format!(r#"{{"stream":"s","seq":{sequence}}}"#);
            let line = format!("MSG {reply} {} {}\r\n{ack}", self.sid, ack.len());
            self.say(&line).await;
        }
    }

    async fn start(most_bytes: usize) -> (Nats, TcpListener, Publisher) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let gaps = Arc::new(Gaps::default());
        let disconnected = Arc::clone(&gaps);
        let connecting = async {
            let options = ConnectOptions::new().event_callback(move |event| {
                if event == Event::Disconnected {
                    disconnected.disconnected.send_replace(());
                }
                std::future::ready(())
            });
            let client = options.connect(address.to_string()).await.expect("a client");
            Publisher::with_room(client, gaps, most_bytes).await.expect("a subscription")
        };
        let (nats, publisher) = tokio::join!(Nats::accept(&listener), connecting);
        (nats, listener, publisher)
    }

    fn publication(body: impl Into<Bytes>) -> Publication {
        Publication {
            subject: "kefu.queue.0.7.1".into(),
            name: "name".into(),
            command: Command(24),
            device: Some(DeviceId(-9)),
            body: body.into(),
        }
    }

    #[tokio::test]
    async fn answers_find_their_publications_in_any_order() {
        let (mut nats, _listener, publisher) = start(MOST_BYTES).await;
        let one = publisher.send(&publication("one")).await.expect("sent");
        let other = publisher.send(&publication("other")).await.expect("sent");
        let (to_one, message) = nats.publication().await;
        let (headers, body) = message.split_once("\r\n\r\n").expect("a body");
        assert_eq!(body, "one\r\n");
        for part in
            ["kefu.queue.0.7.1 ", "Nats-Msg-Id: name", "Kefu-Command: 24", "Kefu-Device: -9"]
        {
            assert!(headers.contains(part), "{headers}");
        }
        let (to_other, _) = nats.publication().await;
        nats.ack(&to_other, 8).await;
        nats.ack(&to_other, 9).await;
        nats.ack(&to_one, 7).await;
        let acks = (one.wait().await, other.wait().await);
        assert_eq!(
            (acks.0.map(|ack| ack.sequence).ok(), acks.1.map(|ack| ack.sequence).ok()),
            (Some(7), Some(8))
        );
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_for_an_answer_to_another() {
        let (mut nats, _listener, publisher) = start(2 * OVERHEAD).await;
        let first = publisher.send(&publication("one")).await.expect("sent");
        let next = publication("next");
        let mut sending = std::pin::pin!(publisher.send(&next));
        let is_waiting = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx).is_pending())).await;
        assert!(is_waiting, "two of them are more than fit");
        let (reply, _) = nats.publication().await;
        nats.ack(&reply, 1).await;
        assert!(first.wait().await.is_ok());
        let _answer = sending.await.expect("sent");
        assert!(nats.publication().await.1.contains("next"));
    }

    #[tokio::test]
    async fn one_that_is_longer_than_nats_takes_is_refused_and_takes_no_room() {
        let (_nats, _listener, publisher) = start(MOST_BYTES).await;
        let sent = publisher.send(&publication(vec![b'x'; 4096])).await.expect("sent");
        assert!(matches!(sent.wait().await, Err(JetStreamError::TooLong)));
        assert_eq!(publisher.room.available_permits(), MOST_BYTES);
    }

    #[tokio::test]
    async fn a_disconnect_fails_attempts_at_once_and_the_next_are_answered() {
        let (mut nats, listener, publisher) = start(MOST_BYTES).await;
        let answer = publisher.send(&publication("one")).await.expect("sent");
        nats.publication().await;
        drop(nats);
        let since = Instant::now();
        assert!(answer.wait().await.is_err());
        assert!(since.elapsed() < TIMEOUT / 2, "{:?}", since.elapsed());
        let mut nats = Nats::accept(&listener).await;
        while !publisher.is_connected() {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        let answer = publisher.send(&publication("again")).await.expect("sent");
        let (reply, _) = nats.publication().await;
        nats.ack(&reply, 2).await;
        assert_eq!(answer.wait().await.map(|ack| ack.sequence).ok(), Some(2));
    }

    #[tokio::test]
    async fn an_attempt_without_an_answer_ends() {
        let (mut nats, _listener, publisher) = start(MOST_BYTES).await;
        tokio::time::pause();
        let since = Instant::now();
        let answer = publisher.send(&publication("one")).await.expect("sent");
        nats.publication().await;
        assert!(answer.wait().await.is_err());
        assert!(since.elapsed() >= TIMEOUT && since.elapsed() <= TIMEOUT + EXPIRY);
        assert_eq!(publisher.room.available_permits(), MOST_BYTES);
    }
}
