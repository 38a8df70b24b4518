//! A run from its first connection to its report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kefu_proto::MsgId;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::connection::{Connection, ConnectionError};
use crate::customer::{Customer, Sent};
use crate::failure::Failure;
use crate::pauses::Pauses;
use crate::plan::{Plan, Role};
use crate::progress::Progress;
use crate::report::Report;
use crate::seller::{Received, Seller};
use crate::service::Service;
use crate::verify::{self, Queue};

/// What all clients of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) service: Service,
    pub(crate) counters: Counters,
}

/// Counters for the progress display. The report does not use them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    acked: AtomicU64,
    notifies: AtomicU64,
    reconnects: AtomicU64,
    rows: AtomicU64,
}

pub(crate) async fn run(plan: Plan, progress: Progress) -> Result<Report, Failure> {
    let service = Service::find(&plan.addrs, plan.timeout).await?;
    let run = Arc::new(Run { plan, service, counters: Counters::default() });

    let sellers = log_in_all(&run, Role::Seller, run.plan.sellers).await?;
    let customers = log_in_all(&run, Role::Customer, run.plan.customers).await?;
    let queues = sellers.iter().chain(&customers).map(|ready| ready.queue).collect();

    progress.of_idling(run.plan.idle).await;
    let pauses = Arc::new(Pauses::start());
    let sending = send_all(&run, &pauses, sellers, customers);
    let (sent, received) = progress.of_sending(&run, pauses.started(), sending).await;
    let sent: Arc<[Sent]> = sent.into();
    let expected = sent.iter().map(|sent| 2 * sent.latency.len()).sum();
    let verifying = verify::all(&run, queues, &sent);
    let verdict = progress.of_verifying(&run, expected, verifying).await?;
    Ok(Report::new(&run.plan, &pauses, &sent, &received, verdict))
}

/// A client that has logged in.
#[derive(Debug)]
struct Ready {
    queue: Queue,
    connection: Connection,
}

async fn log_in_all(run: &Arc<Run>, role: Role, count: u32) -> Result<Vec<Ready>, Failure> {
    let mut logins = JoinSet::new();
    for uid in 1..=count {
        let run = Arc::clone(run);
        logins.spawn(async move {
            let account = run.plan.account(role, uid);
            log_in(&run, role, uid).await.map_err(|source| Failure::Login {
                addr: run.plan.addr(),
                account,
                source,
            })
        });
    }
    let mut ready = Vec::new();
    while let Some(login) = logins.join_next().await {
        ready.push(joined(login)?);
    }
    Ok(ready)
}

/// Logs in and reads what has come since, as a client that was away does (S5), to learn where the
/// queue ends.
async fn log_in(run: &Run, role: Role, uid: u32) -> Result<Ready, ConnectionError> {
    let account = run.plan.account(role, uid);
    let caller = match role {
        Role::Seller => Seller::caller(account),
        Role::Customer => Customer::caller(account),
    };
    let mut connection = caller.log_in(&run.service, run.plan.server_of(role, uid)).await?;
    let end = connection.sync(MsgId(0), run.service.timeout(), |_| ()).await?;
    Ok(Ready { queue: Queue { role, uid, end }, connection })
}

/// Sends until the customers are done, then lets the sellers finish.
async fn send_all(
    run: &Arc<Run>,
    pauses: &Arc<Pauses>,
    sellers: Vec<Ready>,
    customers: Vec<Ready>,
) -> (Vec<Sent>, Vec<Received>) {
    let (over, listen) = watch::channel(false);
    let mut listening = JoinSet::new();
    for Ready { queue: Queue { uid, .. }, connection } in sellers {
        listening.spawn(Seller::new(Arc::clone(run), uid, listen.clone()).run(connection));
    }
    let mut sending = JoinSet::new();
    for Ready { queue: Queue { uid, .. }, connection } in customers {
        sending.spawn(Customer::new(Arc::clone(run), uid, Arc::clone(pauses)).run(connection));
    }
    let mut sent = Vec::new();
    while let Some(customer) = sending.join_next().await {
        sent.push(joined(customer));
    }
    // If the last customer gave up, the pause lasted until now.
    pauses.end();
    over.send_replace(true);
    let mut received = Vec::new();
    while let Some(seller) = listening.join_next().await {
        received.push(joined(seller));
    }
    (sent, received)
}

/// Tasks are never cancelled: one that did not return has panicked, and the panic resumes here.
pub(crate) fn joined<T>(task: Result<T, JoinError>) -> T {
    match task {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Counters {
    pub(crate) fn acked(&self, messages: u64) {
        self.acked.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn notified(&self, notifies: u64) {
        self.notifies.fetch_add(notifies, Ordering::Relaxed);
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Counted {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            acked: now(&self.acked),
            notifies: now(&self.notifies),
            reconnects: now(&self.reconnects),
            rows: now(&self.rows),
        }
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) acked: u64,
    pub(crate) notifies: u64,
    pub(crate) reconnects: u64,
    pub(crate) rows: u64,
}
