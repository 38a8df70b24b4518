//! The live trace, as server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use kefu_proto::Account;
use tokio::sync::broadcast::error::RecvError;

use crate::http::account::{Credentials, Refused, account, refused};
use crate::service::Service;

/// The events of the messages that the token's account sends or receives. Too many traces of one
/// account get status 429.
pub(super) async fn trace(
    State(service): State<Arc<Service>>,
    Extension(watchers): Extension<Watchers>,
    Query(Credentials { token }): Query<Credentials>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let account = account(&service, &token).await?;
    let Some(watcher) = watchers.enter(account) else {
        service.metrics.traces_refused.inc();
        return Err(refused(StatusCode::TOO_MANY_REQUESTS));
    };
    let start = (service.trace.subscribe(), watcher);
    let events = stream::unfold(start, move |(mut events, watcher)| async move {
        let event = loop {
            match events.recv().await {
                Ok(event) if event.concerns(account) => {
                    break Event::default().json_data(&*event).ok()?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    break Event::default().event("missed").data(missed.to_string());
                }
                Err(RecvError::Closed) => return None,
            }
        };
        Some((Ok(event), (events, watcher)))
    });
    let end = async move {
        tokio::select! {
            () = service.stopping.cancelled() => {}
            () = service.auth.withdrawn(token.as_bytes(), account) => {}
        }
    };
    let events = events.take_until(Box::pin(end));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// How many traces each account has.
#[derive(Clone)]
pub(super) struct Watchers {
    most: u32,
    counts: Arc<Mutex<HashMap<Account, u32>>>,
}

/// One trace, counted until this is dropped.
struct Watcher {
    account: Account,
    watchers: Watchers,
}

impl Watchers {
    /// At most this many of each account; 0: no bound.
    pub(super) fn new(most: u32) -> Self {
        Self { most, counts: Arc::default() }
    }

    fn enter(&self, account: Account) -> Option<Watcher> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(account).or_default();
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Watcher { account, watchers: self.clone() })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut counts = self.watchers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    #[test]
    fn an_account_has_a_bounded_number_of_traces() {
        let watchers = Watchers::new(2);
        let [one, other] = [1, 2].map(|uid| Account::new(AppId(7), UserId(uid)));
        let first = watchers.enter(one).unwrap();
        let _second = watchers.enter(one).unwrap();
        assert!(watchers.enter(one).is_none() && watchers.enter(other).is_some());
        drop(first);
        let third = watchers.enter(one);
        assert!(third.is_some() && watchers.enter(one).is_none());
        assert_eq!(watchers.counts.lock().unwrap().len(), 1, "nothing is kept of who has none");
        let unbounded = Watchers::new(0);
        let many: Vec<_> = (0..100).map_while(|_| unbounded.enter(one)).collect();
        assert_eq!(many.len(), 100);
    }
}
