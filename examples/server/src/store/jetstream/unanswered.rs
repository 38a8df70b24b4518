//! Publications that wait for their answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::store::jetstream::ack::Ack;
use crate::store::jetstream::error::JetStreamError;

/// Publications that wait for their answer, by number.
#[derive(Default)]
pub(super) struct Unanswered(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// The number of the next publication. Numbers are not used again, so that a late answer is
    /// none to a later attempt.
    next: u64,
    waiting: HashMap<u64, Waiting>,
}

struct Waiting {
    deadline: Instant,
    answer: oneshot::Sender<Result<Ack, JetStreamError>>,
    /// Its share of what may wait.
    _room: OwnedSemaphorePermit,
}

impl Unanswered {
    /// Numbers a publication.
    pub(super) fn add(self: &Arc<Self>, deadline: Instant, room: OwnedSemaphorePermit) -> Answer {
        let (answer, answered) = oneshot::channel();
        let mut table = self.lock();
        let number = table.next;
        table.next = number.wrapping_add(1);
        table.waiting.insert(number, Waiting { deadline, answer, _room: room });
        Answer { number, answered, unanswered: Arc::clone(self) }
    }

    /// Whether somebody waits for an answer to it.
    pub(super) fn has(&self, number: u64) -> bool {
        self.lock().waiting.contains_key(&number)
    }

    /// Answers a publication, unless it has been answered or given up.
    pub(super) fn answer(&self, number: u64, answer: Result<Ack, JetStreamError>) {
        let waiting = self.lock().waiting.remove(&number);
        if let Some(waiting) = waiting {
            // Nobody may be interested any more.
            let _ = waiting.answer.send(answer);
        }
    }

    /// Gives up what has waited for too long.
    pub(super) fn expire(&self, now: Instant) {
        let is_over = |_: &u64, waiting: &mut Waiting| waiting.deadline <= now;
        let expired: Vec<_> = self.lock().waiting.extract_if(is_over).collect();
        for (_, waiting) in expired {
            let _ = waiting.answer.send(Err(JetStreamError::nats("no answer")));
        }
    }

    /// Gives up all: what was sent on a connection is answered on no other.
    pub(super) fn disconnect(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for waiting in waiting.into_values() {
            let _ = waiting.answer.send(Err(JetStreamError::nats("disconnected")));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to one publication. It is not waited for any more once this is dropped.
pub(super) struct Answer {
    number: u64,
    answered: oneshot::Receiver<Result<Ack, JetStreamError>>,
    unanswered: Arc<Unanswered>,
}

impl Answer {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) async fn wait(mut self) -> Result<Ack, JetStreamError> {
        let given_up = |_| Err(JetStreamError::nats("given up"));
        (&mut self.answered).await.unwrap_or_else(given_up)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.answered.is_terminated() {
            self.unanswered.lock().waiting.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::sync::Semaphore;
    use tokio::time::advance;

    use super::*;

    const STORED: Ack = Ack { sequence: 7, is_repeat: false };

    struct Fixture {
        unanswered: Arc<Unanswered>,
        room: Arc<Semaphore>,
    }

    impl Fixture {
        fn new() -> Self {
            Self { unanswered: Arc::default(), room: Arc::new(Semaphore::new(10)) }
        }

        fn add(&self, seconds: u64) -> Answer {
            let room = Arc::clone(&self.room).try_acquire_owned().expect("there is room");
            self.unanswered.add(Instant::now() + Duration::from_secs(seconds), room)
        }

        fn waiting(&self) -> usize {
            assert_eq!(self.unanswered.lock().waiting.len(), 10 - self.room.available_permits());
            self.unanswered.lock().waiting.len()
        }
    }

    /// What has come; `None` if nothing has.
    fn come(answer: Answer) -> Option<Result<u64, String>> {
        let come = answer.wait().now_or_never()?;
        Some(come.map(|ack| ack.sequence).map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn each_answer_goes_to_its_publication_in_any_order() {
        let fixture = Fixture::new();
        let (first, second) = (fixture.add(1), fixture.add(1));
        let numbers = (first.number(), second.number());
        fixture.unanswered.answer(numbers.1, Ok(Ack { sequence: 8, ..STORED }));
        fixture.unanswered.answer(numbers.0, Ok(STORED));
        assert_eq!(fixture.waiting(), 0);
        assert_eq!((come(first), come(second)), (Some(Ok(7)), Some(Ok(8))));
    }

    #[tokio::test]
    async fn a_second_answer_and_one_to_no_publication_are_ignored() {
        let fixture = Fixture::new();
        let (answer, other) = (fixture.add(1), fixture.add(1));
        let number = answer.number();
        fixture.unanswered.answer(number, Ok(STORED));
        fixture.unanswered.answer(number, Err(JetStreamError::TooLong));
        fixture.unanswered.answer(u64::MAX, Ok(STORED));
        assert_eq!((come(answer), fixture.waiting()), (Some(Ok(7)), 1));
        assert_eq!(come(other), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_none_to_the_next_attempt() {
        let fixture = Fixture::new();
        let (first, longer) = (fixture.add(1), fixture.add(3));
        let number = first.number();
        fixture.unanswered.expire(Instant::now());
        assert_eq!(fixture.waiting(), 2);
        advance(Duration::from_secs(2)).await;
        fixture.unanswered.expire(Instant::now());
        assert_eq!((come(first), fixture.waiting()), (Some(Err("NATS: no answer".into())), 1));
        let next = fixture.add(1);
        fixture.unanswered.answer(number, Ok(STORED));
        assert_eq!((fixture.waiting(), come(next), come(longer)), (2, None, None));
    }

    #[tokio::test]
    async fn a_disconnect_gives_up_all_at_once() {
        let fixture = Fixture::new();
        let answers = [fixture.add(1), fixture.add(60)];
        fixture.unanswered.disconnect();
        assert_eq!(fixture.waiting(), 0);
        for answer in answers {
            assert_eq!(come(answer), Some(Err("NATS: disconnected".into())));
        }
        let after = fixture.add(1);
        fixture.unanswered.answer(after.number(), Ok(STORED));
        assert_eq!(come(after), Some(Ok(7)));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_takes_no_room() {
        let fixture = Fixture::new();
        let (kept, dropped) = (fixture.add(1), fixture.add(1));
        drop(dropped);
        assert_eq!(fixture.waiting(), 1);
        assert_eq!((come(kept), fixture.waiting()), (None, 0));
    }
}
