//! Reads all queues by SYNC, from another device than the one that sent.

use std::sync::Arc;

use kefu_proto::{Account, Body, MsgId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::connection::{Connection, ConnectionError};
use crate::customer::Sent;
use crate::failure::Failure;
use crate::ledger::{Ledger, Place, Verdict};
use crate::plan::Role;
use crate::run::{Run, joined};
use crate::service::{Caller, VERIFYING};

const BUFFER: usize = 128 * 1024;
const READING_AT_ONCE: usize = 8;
/// How often a queue is read at most, if the connection breaks.
const ATTEMPTS: u32 = 5;
/// From the first message on. 0 would mean the sync key that the server keeps (S2).
const BEGINNING: MsgId = MsgId(-1);

/// A queue to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) role: Role,
    pub(crate) uid: u32,
    /// The sync key of its end, before the run.
    pub(crate) end: MsgId,
}

pub(crate) async fn all(
    run: &Arc<Run>,
    queues: Vec<Queue>,
    sent: &Arc<[Sent]>,
) -> Result<Verdict, Failure> {
    let turns = Arc::new(Semaphore::new(READING_AT_ONCE));
    let mut reading = JoinSet::new();
    for queue in queues {
        let (run, sent, turns) = (Arc::clone(run), Arc::clone(sent), Arc::clone(&turns));
        reading.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            let reader = Reader { run: &run, queue, sent: &sent };
            let failed = |source| Failure::Verification {
                addr: run.plan.addr(),
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
    run: &'a Run,
    queue: Queue,
    sent: &'a [Sent],
}

impl Reader<'_> {
    /// Reads the queue, from the start again after a lost connection.
    async fn read(self) -> Result<Verdict, ConnectionError> {
        let Run { plan, service, .. } = self.run;
        let Queue { role, uid, .. } = self.queue;
        let first = plan.server_of(role, uid);
        let version = plan.version(role, uid);
        let (account, device) = (self.account(), VERIFYING);
        let caller = Caller { account, version, device, buffer: BUFFER, receive_buffer: None };
        // The first login can fail in a restart, like any other.
        let mut connection = match caller.log_in(service, first).await {
            Ok(connection) => connection,
            Err(_) => caller.log_in_again(service, first, &mut 0).await?,
        };
        let mut attempt = 1;
        loop {
            let lost = connection.server();
            let read = self.read_on(connection).await;
            if read.is_ok() || attempt == ATTEMPTS {
                return read;
            }
            attempt += 1;
            connection = caller.log_in_again(service, lost, &mut 0).await?;
        }
    }

    async fn read_on(self, mut connection: Connection) -> Result<Verdict, ConnectionError> {
        let end = if self.queue.end > MsgId(0) { self.queue.end } else { BEGINNING };
        let (mut verdict, mut last) = self.read_after(&mut connection, end).await?;
        if verdict.lost > 0 && end != BEGINNING {
            // The end before the run was wrong if the server's kept key is of older data.
            (verdict, last) = self.read_after(&mut connection, BEGINNING).await?;
        }
        // The next run need not read this one's messages (S5).
        if last > MsgId(0) {
            connection.send(Body::SyncKey(last))?;
        }
        // Everything has been read; how the connection ends does not matter.
        let _ = connection.close().await;
        Ok(verdict)
    }

    async fn read_after(
        self,
        connection: &mut Connection,
        after: MsgId,
    ) -> Result<(Verdict, MsgId), ConnectionError> {
        let Self { run: Run { plan, service, counters, .. }, queue: Queue { role, uid, .. }, sent } =
            self;
        let mut ledger = Ledger::new(plan, Place::Queue, (role, uid), sent);
        let last = connection
            .sync(after, service.timeout(), |body| {
                if let Some(mark) = plan.mark(body) {
                    ledger.enter(mark);
                    counters.read(1);
                }
            })
            .await?;
        Ok((ledger.close(), last))
    }

    fn account(&self) -> Account {
        self.run.plan.account(self.queue.role, self.queue.uid)
    }
}
