//! Reads all queues by SYNC, from another device than the one that sent.

use std::sync::Arc;

use kefu_proto::{Account, Body, MsgId, UserId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::content::Mark;
use crate::customer::Sent;
use crate::failure::Failure;
use crate::ledger::{Ledger, Verdict};
use crate::link::{Link, LinkError};
use crate::load::{Shared, joined};
use crate::plan::Role;
use crate::service::{Caller, VERIFYING};

const BUFFER: usize = 128 * 1024;
const READING_AT_ONCE: usize = 8;
/// How often a queue is read again because the connection broke.
const ATTEMPTS: u32 = 5;
/// From the first message on: 0 would mean the key that the server has kept (S2).
const BEGINNING: MsgId = MsgId(-1);

/// A queue to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) role: Role,
    pub(crate) uid: u32,
    /// The sync key of its end before the run.
    pub(crate) end: MsgId,
}

pub(crate) async fn all(
    shared: &Arc<Shared>,
    queues: Vec<Queue>,
    sent: &Arc<[Sent]>,
) -> Result<Verdict, Failure> {
    let turns = Arc::new(Semaphore::new(READING_AT_ONCE));
    let mut reading = JoinSet::new();
    for queue in queues {
        let (shared, sent, turns) = (Arc::clone(shared), Arc::clone(sent), Arc::clone(&turns));
        reading.spawn(async move {
            // The semaphore is never closed; if it were, reading all at once would do.
            let _turn = turns.acquire().await;
            let reader = Reader { shared: &shared, queue, sent: &sent };
            let failed = |source| Failure::Verification {
                addr: shared.plan.addr(),
                account: reader.account(),
                source,
            };
            reader.read().await.map_err(failed)
        });
    }
    let mut verdict = Verdict::default();
    while let Some(read) = reading.join_next().await {
        verdict.add(joined(read)?);
    }
    Ok(verdict)
}

#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    shared: &'a Shared,
    queue: Queue,
    sent: &'a [Sent],
}

impl Reader<'_> {
    /// Reads the queue, from its start again if the server goes away meanwhile.
    async fn read(self) -> Result<Verdict, LinkError> {
        let Shared { plan, service, .. } = self.shared;
        let first = plan.server_of(self.queue.role, self.queue.uid);
        let caller = Caller { account: self.account(), device: VERIFYING, buffer: BUFFER };
        // A first login that fails may have met a restart, like any other.
        let mut link = match caller.log_in(service, first).await {
            Ok(link) => link,
            Err(_) => caller.log_in_again(service, first, &mut 0).await?,
        };
        let mut attempt = 1;
        loop {
            let lost = link.server();
            let read = self.read_on(link).await;
            if read.is_ok() || attempt == ATTEMPTS {
                return read;
            }
            attempt += 1;
            link = caller.log_in_again(service, lost, &mut 0).await?;
        }
    }

    async fn read_on(self, mut link: Link) -> Result<Verdict, LinkError> {
        let end = if self.queue.end > MsgId(0) { self.queue.end } else { BEGINNING };
        let (mut verdict, mut last) = self.read_after(&mut link, end).await?;
        if verdict.lost > 0 && end != BEGINNING {
            // A server that kept a key of other data than it has now would have told a wrong end.
            (verdict, last) = self.read_after(&mut link, BEGINNING).await?;
        }
        // So that the next run does not have to read this one's messages again (S5).
        if last > MsgId(0) {
            link.send(Body::SyncKey(last))?;
        }
        // What counts has been read.
        let _ = link.close().await;
        Ok(verdict)
    }

    async fn read_after(
        self,
        link: &mut Link,
        after: MsgId,
    ) -> Result<(Verdict, MsgId), LinkError> {
        let Self { shared: Shared { plan, service, counters }, queue, sent } = self;
        let belong = |sent: &&Sent| match queue.role {
            Role::Customer => queue.uid == sent.uid,
            Role::Seller => queue.uid == plan.seller_of(sent.uid),
        };
        let mut ledger = Ledger::new(plan, self.account(), sent.iter().filter(belong));
        let last = link
            .sync(after, service.patience(), |chat| {
                if let Some(mark) = plan.format.read(&chat.content) {
                    let names_sender = chat.customer_id == UserId(mark.customer.into());
                    ledger.enter(Mark { intact: mark.intact && names_sender, ..mark });
                    counters.read(1);
                }
            })
            .await?;
        Ok((ledger.close(), last))
    }

    fn account(&self) -> Account {
        self.shared.plan.account(self.queue.role, self.queue.uid)
    }
}
