//! Requests that are in flight: begun, and not answered yet.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kefu_proto::{Effects, Message};
use prometheus_client::metrics::gauge::Gauge;

use crate::store::{PendingSave, StoreError};

/// The requests of a connection that are in flight, in their order.
///
/// All count, whatever they are, in number and with the length of their frames: that is what they
/// keep in memory.
pub(super) struct InFlight {
    steps: VecDeque<Step>,
    /// Messages on their way into the store's queue, and what comes behind them.
    submitting: Option<Submitting>,
    /// The lengths of the requests, in their order.
    lengths: VecDeque<usize>,
    bytes: usize,
    /// The bytes of all connections.
    metric: Gauge,
}

enum Step {
    /// Messages that are being stored.
    Save(PendingSave),
    /// Effects to be applied in their turn.
    Apply(Box<Effects>),
    /// An answer to be written in its turn.
    Reply(Message),
}

struct Submitting {
    saves: BoxFuture<'static, Vec<PendingSave>>,
    behind: VecDeque<Step>,
}

/// What has happened to the oldest request in flight.
pub(super) enum Done {
    /// The effects of messages that are stored, forwarded already.
    Saved(Result<Vec<Effects>, StoreError>),
    Apply(Box<Effects>),
    Reply(Message),
    /// The store has taken the newest messages: there may be room for more.
    Submitted,
}

impl InFlight {
    pub(super) fn new(metric: Gauge) -> Self {
        let (steps, lengths) = (VecDeque::new(), VecDeque::new());
        Self { steps, submitting: None, lengths, bytes: 0, metric }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Whether another request may begin.
    pub(super) fn has_room(&self) -> bool {
        self.lengths.len() < MOST_REQUESTS && self.bytes < MOST_BYTES && self.submitting.is_none()
    }

    /// Whether the oldest request is a message that is being stored.
    pub(super) fn is_storing(&self) -> bool {
        matches!(self.steps.front(), Some(Step::Save(_)))
    }

    /// A request begins; `length` bytes were read for it.
    pub(super) fn begin(&mut self, length: usize) {
        self.lengths.push_back(length);
        self.add(length);
    }

    /// What is read and needs no answer is in memory as long as the request before it.
    pub(super) fn pass(&mut self, length: usize) {
        if let Some(last) = self.lengths.back_mut() {
            *last = last.saturating_add(length);
            self.add(length);
        }
    }

    /// Messages that have begun are being given to the store. Meanwhile no others are.
    pub(super) fn submit(&mut self, mut saves: BoxFuture<'static, Vec<PendingSave>>) {
        debug_assert!(self.submitting.is_none(), "there is no room");
        // Mostly the store takes them at once.
        match (&mut saves).now_or_never() {
            Some(saves) => self.steps.extend(saves.into_iter().map(Step::Save)),
            None => self.submitting = Some(Submitting { saves, behind: VecDeque::new() }),
        }
    }

    pub(super) fn apply(&mut self, effects: Effects) {
        self.push(Step::Apply(Box::new(effects)));
    }

    pub(super) fn reply(&mut self, message: Message) {
        self.push(Step::Reply(message));
    }

    fn push(&mut self, step: Step) {
        match &mut self.submitting {
            None => self.steps.push_back(step),
            Some(submitting) => submitting.behind.push_back(step),
        }
    }

    /// Goes on with giving messages to the store and, if `finishes`, removes the oldest request
    /// once it is done. Pending while there is nothing to do. Cancel safe.
    pub(super) async fn next(&mut self, finishes: bool) -> Done {
        poll_fn(|cx| self.poll_next(finishes, cx)).await
    }

    fn poll_next(&mut self, finishes: bool, cx: &mut Context<'_>) -> Poll<Done> {
        if let Some(Submitting { saves, behind }) = &mut self.submitting
            && let Poll::Ready(saves) = saves.poll_unpin(cx)
        {
            self.steps.extend(saves.into_iter().map(Step::Save));
            self.steps.append(behind);
            self.submitting = None;
            return Poll::Ready(Done::Submitted);
        }
        if !finishes {
            return Poll::Pending;
        }
        let saved = match self.steps.front_mut() {
            None => return Poll::Pending,
            Some(Step::Save(save)) => Some(ready!(save.poll_unpin(cx))),
            Some(Step::Apply(_) | Step::Reply(_)) => None,
        };
        match (self.steps.pop_front(), saved) {
            (Some(Step::Save(save)), Some(effects)) => {
                self.end(save.messages());
                Poll::Ready(Done::Saved(effects))
            }
            (Some(Step::Apply(effects)), _) => {
                self.end(1);
                Poll::Ready(Done::Apply(effects))
            }
            (Some(Step::Reply(message)), _) => {
                self.end(1);
                Poll::Ready(Done::Reply(message))
            }
            (Some(Step::Save(_)) | None, _) => Poll::Pending,
        }
    }

    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.metric.inc_by(signed(bytes));
    }

    /// The oldest requests have ended.
    fn end(&mut self, requests: usize) {
        let ended = self.lengths.drain(..requests.min(self.lengths.len())).sum();
        self.bytes = self.bytes.saturating_sub(ended);
        self.metric.dec_by(signed(ended));
        if self.lengths.is_empty() {
            (self.lengths, self.steps) = (VecDeque::new(), VecDeque::new());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.metric.dec_by(signed(self.bytes));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The most requests of one client that may be in flight.
const MOST_REQUESTS: usize = 1024;
/// The most bytes of them, but for the last.
const MOST_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use kefu_proto::Body;
    use tokio::sync::oneshot;

    use super::*;

    fn pong() -> Message {
        Body::Pong.into()
    }

    fn next(in_flight: &mut InFlight) -> Option<Done> {
        in_flight.next(true).now_or_never()
    }

    #[test]
    fn requests_count_by_number_whatever_they_are() {
        let mut in_flight = InFlight::new(Gauge::default());
        for _ in 0..MOST_REQUESTS {
            assert!(in_flight.has_room());
            in_flight.begin(12);
            in_flight.reply(pong());
        }
        assert!(!in_flight.has_room());
        assert!(matches!(next(&mut in_flight), Some(Done::Reply(_))));
        assert!(in_flight.has_room());
    }

    #[test]
    fn requests_count_by_bytes_with_what_was_passed_over_behind_them() {
        let mut in_flight = InFlight::new(Gauge::default());
        in_flight.pass(MOST_BYTES);
        assert!(in_flight.has_room(), "nothing is in flight");
        in_flight.begin(MOST_BYTES / 2);
        in_flight.reply(pong());
        in_flight.pass(MOST_BYTES / 2 - 1);
        assert!(in_flight.has_room());
        in_flight.pass(1);
        assert!(!in_flight.has_room());
        assert_eq!(in_flight.metric.get(), signed(MOST_BYTES));
        assert!(matches!(next(&mut in_flight), Some(Done::Reply(_))));
        assert!(in_flight.has_room() && in_flight.is_empty());
        assert_eq!((in_flight.bytes, in_flight.metric.get()), (0, 0));
    }

    #[tokio::test]
    async fn what_comes_behind_messages_on_their_way_to_the_store_stays_behind_them() {
        let (take, taken) = oneshot::channel::<()>();
        let mut in_flight = InFlight::new(Gauge::default());
        in_flight.begin(100);
        in_flight.submit(Box::pin(async move {
            let _ = taken.await;
            vec![PendingSave::new(1, async { Err(StoreError::closed()) })]
        }));
        in_flight.begin(12);
        in_flight.reply(pong());
        assert!(!in_flight.has_room() && next(&mut in_flight).is_none());
        assert_eq!(take.send(()), Ok(()));
        // The store must be able to go on even if nothing can be answered.
        assert!(matches!(in_flight.next(false).now_or_never(), Some(Done::Submitted)));
        assert!(in_flight.next(false).now_or_never().is_none());
        assert!(matches!(next(&mut in_flight), Some(Done::Saved(Err(_)))));
        assert!(matches!(next(&mut in_flight), Some(Done::Reply(_))));
        assert!(in_flight.is_empty());
    }
}
