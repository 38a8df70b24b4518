//! A run from its first connection to its report.

use std::sync::Arc;

use kefu_proto::{MsgId, Version};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::{Connection, ConnectionError};
use crate::customer::{Customer, Sent};
use crate::disturbers;
use crate::failure::Failure;
use crate::judge::Judge;
use crate::ledger::{Ledger, Place, Verdict};
use crate::pauses::Pauses;
use crate::plan::{Plan, Role};
use crate::progress::Progress;
use crate::record::record;
use crate::report::Report;
use crate::run::{Counters, Run, joined};
use crate::seller::{Received, Seller};
use crate::service::Service;
use crate::trouble::Counts;
use crate::verify::{self, Queue};

pub(crate) async fn run(plan: Plan, progress: Progress) -> Result<Report, Failure> {
    let judge = Judge::new(&plan);
    let service = Service::find(&plan.addrs, &plan.carrier, plan.timeout, judge).await?;
    let trouble = Counts::new(plan.shares, plan.flood);
    let run = Arc::new(Run { plan, service, counters: Counters::default(), trouble });
    select! {
        report = conduct(&run, progress) => report,
        never = run.service.judge().watch() => match never {},
        failure = record(&run) => Err(failure),
    }
}

async fn conduct(run: &Arc<Run>, progress: Progress) -> Result<Report, Failure> {
    let sellers = log_in_all(run, Role::Seller, run.plan.sellers).await?;
    let customers = log_in_all(run, Role::Customer, run.plan.customers).await?;
    let queues = sellers.iter().chain(&customers).map(|ready| ready.queue).collect();

    progress.of_idling(run.plan.idle).await;
    let pauses = Arc::new(Pauses::start());
    let sending = send_all(run, &pauses, sellers, customers);
    let (sent, received) = progress.of_sending(run, pauses.started(), sending).await;
    let sent: Arc<[Sent]> = sent.into();
    let expected = sent.iter().map(|sent| 2 * sent.latency.len()).sum();
    let verifying = verify::all(run, queues, &sent);
    let verdict = progress.of_verifying(run, expected, verifying).await?;
    let arrivals = arrivals(&run.plan, &received, &sent);
    Ok(Report::new(run, &pauses, &sent, &received, verdict, arrivals))
}

/// What has arrived at the sellers of version 2. Who gave up has not got everything.
fn arrivals(plan: &Plan, received: &[Received], sent: &[Sent]) -> Verdict {
    let mut verdict = Verdict::default();
    for seller in received.iter().filter(|seller| seller.gave_up.is_none()) {
        if let Some(follower) = &seller.follower {
            let mut ledger = Ledger::new(plan, Place::Client, (Role::Seller, seller.uid), sent);
            for mark in follower.arrivals().iter() {
                ledger.enter(mark);
            }
            verdict.add(ledger.close());
        }
    }
    verdict
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
    let caller: fn(_, Version) -> _ = match role {
        Role::Seller => Seller::caller,
        Role::Customer => Customer::caller,
    };
    let caller = caller(account, run.plan.version(role, uid));
    let mut connection = caller.log_in(&run.service, run.plan.server_of(role, uid)).await?;
    let end = connection.sync(MsgId(0), run.service.timeout(), |_| ()).await?;
    Ok(Ready { queue: Queue { role, uid, end }, connection })
}

/// Sends until the customers are done, lets those that make trouble finish, and then the sellers:
/// while they finish, nobody else is there.
async fn send_all(
    run: &Arc<Run>,
    pauses: &Arc<Pauses>,
    sellers: Vec<Ready>,
    customers: Vec<Ready>,
) -> (Vec<Sent>, Vec<Received>) {
    let (over, disturb) = watch::channel(false);
    let (quiet, listen) = watch::channel(false);
    let mut listening = JoinSet::new();
    for Ready { queue: Queue { uid, end, .. }, connection } in sellers {
        listening.spawn(Seller::new(Arc::clone(run), uid, end, listen.clone()).run(connection));
    }
    let mut sending = JoinSet::new();
    for Ready { queue: Queue { uid, .. }, connection } in customers {
        sending.spawn(Customer::new(Arc::clone(run), uid, Arc::clone(pauses)).run(connection));
    }
    let mut disturbing = disturbers::start(run, &disturb);
    let mut sent = Vec::new();
    while let Some(customer) = sending.join_next().await {
        sent.push(joined(customer));
    }
    // If the last customer gave up, the pause lasted until now.
    pauses.end();
    over.send_replace(true);
    while let Some(disturber) = disturbing.join_next().await {
        joined(disturber);
    }
    quiet.send_replace(true);
    let mut received = Vec::new();
    while let Some(seller) = listening.join_next().await {
        received.push(joined(seller));
    }
    (sent, received)
}
