//! A run from its first connection to its report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kefu_proto::MsgId;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::customer::{Customer, Sent};
use crate::failure::Failure;
use crate::link::{Link, LinkError};
use crate::plan::{Plan, Role};
use crate::progress::Progress;
use crate::pulse::Pulse;
use crate::report::Report;
use crate::seller::{Heard, Seller};
use crate::service::Service;
use crate::verify::{self, Queue};

/// What all connections of a run have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) service: Service,
    pub(crate) counters: Counters,
}

/// How far the run is, for whoever watches it. The report does not rest on these.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    acked: AtomicU64,
    notifies: AtomicU64,
    reconnects: AtomicU64,
    rows: AtomicU64,
}

pub(crate) async fn run(plan: Plan) -> Result<Report, Failure> {
    let service = Service::find(&plan.addrs, plan.patience).await?;
    let shared = Arc::new(Shared { plan, service, counters: Counters::default() });
    let progress = Progress::new();

    let sellers = log_in_all(&shared, Role::Seller, shared.plan.sellers).await?;
    let customers = log_in_all(&shared, Role::Customer, shared.plan.customers).await?;
    let queues = sellers.iter().chain(&customers).map(|ready| ready.queue).collect();

    progress.of_idling(shared.plan.idle).await;
    let pulse = Arc::new(Pulse::start());
    let sending = send_all(&shared, &pulse, sellers, customers);
    let (sent, heard) = progress.of_sending(&shared, pulse.started(), sending).await;
    let sent: Arc<[Sent]> = sent.into();
    let expected = sent.iter().map(|sent| 2 * sent.latency.len()).sum();
    let verifying = verify::all(&shared, queues, &sent);
    let verdict = progress.of_verifying(&shared, expected, verifying).await?;
    Ok(Report::new(&shared.plan, &pulse, &sent, &heard, verdict))
}

/// A client that has logged in.
#[derive(Debug)]
struct Ready {
    queue: Queue,
    link: Link,
}

async fn log_in_all(shared: &Arc<Shared>, role: Role, count: u32) -> Result<Vec<Ready>, Failure> {
    let mut logins = JoinSet::new();
    for uid in 1..=count {
        let shared = Arc::clone(shared);
        logins.spawn(async move {
            let account = shared.plan.account(role, uid);
            log_in(&shared, role, uid).await.map_err(|source| Failure::Login {
                addr: shared.plan.addr(),
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

/// Like a client that was away: logs in and reads what has come since (S5), here only to learn where the queue ends.
async fn log_in(shared: &Shared, role: Role, uid: u32) -> Result<Ready, LinkError> {
    let account = shared.plan.account(role, uid);
    let caller = match role {
        Role::Seller => Seller::caller(account),
        Role::Customer => Customer::caller(account),
    };
    let mut link = caller.log_in(&shared.service, shared.plan.server_of(role, uid)).await?;
    let end = link.sync(MsgId(0), shared.service.patience(), |_| ()).await?;
    Ok(Ready { queue: Queue { role, uid, end }, link })
}

/// Sends until the customers are done, then lets the sellers finish.
async fn send_all(
    shared: &Arc<Shared>,
    pulse: &Arc<Pulse>,
    sellers: Vec<Ready>,
    customers: Vec<Ready>,
) -> (Vec<Sent>, Vec<Heard>) {
    let (over, listen) = watch::channel(false);
    let mut listening = JoinSet::new();
    for Ready { queue: Queue { uid, .. }, link } in sellers {
        listening.spawn(Seller::new(Arc::clone(shared), uid, listen.clone()).run(link));
    }
    let mut sending = JoinSet::new();
    for Ready { queue: Queue { uid, .. }, link } in customers {
        sending.spawn(Customer::new(Arc::clone(shared), uid, Arc::clone(pulse)).run(link));
    }
    let mut sent = Vec::new();
    while let Some(customer) = sending.join_next().await {
        sent.push(joined(customer));
    }
    // Where the last of them gave up, the service had been still until now.
    pulse.beat();
    over.send_replace(true);
    let mut heard = Vec::new();
    while let Some(seller) = listening.join_next().await {
        heard.push(joined(seller));
    }
    (sent, heard)
}

/// No task is ever cancelled: one that did not return has panicked, and the panic goes on here.
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
