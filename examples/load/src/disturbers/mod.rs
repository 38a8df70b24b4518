//! Extra connections that make trouble, beside the clients whose messages are counted.

mod flood;
mod holding;
mod hostile;
mod refused;
mod slow;
mod visitor;

use std::sync::Arc;

use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::run::Run;

/// Starts all of them. They stop when the run is over.
pub(crate) fn start(run: &Arc<Run>, over: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (plan, shares) = (&run.plan, run.plan.shares);
    let clients = plan.customers + plan.sellers;
    for turn in 0..shares.churn.of(clients) {
        tasks.spawn(until(over.clone(), visitor::visit_for_ever(Arc::clone(run), turn)));
    }
    for turn in 0..shares.slow.of(clients) {
        tasks.spawn(until(over.clone(), slow::read_slowly_for_ever(Arc::clone(run), turn)));
    }
    for turn in 0..shares.hostile.of(clients) {
        tasks.spawn(hostile::offend_until(over.clone(), Arc::clone(run), turn));
    }
    for number in 0..plan.flood {
        tasks.spawn(until(over.clone(), flood::flood_for_ever(Arc::clone(run), number)));
    }
    tasks
}

async fn until(mut over: watch::Receiver<bool>, trouble: impl Future<Output = ()>) {
    select! {
        () = trouble => {}
        _ = over.wait_for(|&over| over) => {}
    }
}
