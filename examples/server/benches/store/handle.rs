//! The store itself, through its handle, as the server uses it.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kefu_proto::{
    Accepted, Account, AppId, Body, Config, CustomerMessage, DeviceId, Flags, Identity,
};
use kefu_proto::{Message, Saves, Seq, Session, StoreId, UnixTime, UserId, Version};
use kefu_server::store::embedded::{Options, Store};
use kefu_server::store::{Group, Observer};

use crate::measure::{cpu, folder, quantile};
use crate::workload::{self, Workload};

/// Connections, and how many messages each has in flight.
const WINDOWS: [(usize, usize, usize); 3] = [(1, 1, 2_000), (210, 1, 1_000), (200, 32, 100)];

pub(crate) fn run(scale: usize) {
    println!(
        "\n{:<27} {:>10} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>10} {:>9}",
        "The store",
        "messages/s",
        "p50 ms",
        "p99 ms",
        "group",
        "max",
        "commit ms",
        "CPU µs",
        "CPU µs all",
        "again ms"
    );
    for (connections, window, rounds) in WINDOWS {
        let rounds = (rounds / scale).max(2);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(window_of(connections, window, rounds));
    }
    println!(
        "p50, p99: from a save to its answer. CPU: of the store's thread, and with the callers'.\n\
        again: the first group after a restart, with a message of every sender."
    );
}

/// Each connection saves a window, waits for the answer, and saves the next.
async fn window_of(connections: usize, window: usize, rounds: usize) {
    let dir = folder();
    let groups = Arc::new(Groups::default());
    let mut options = Options::default();
    options.observer = Some(Arc::clone(&groups) as Arc<dyn Observer>);
    options.readers = NonZeroU32::MIN;
    let store = Store::open(&dir, options).unwrap();
    let mut workload = Workload::new();
    let mut batches = Vec::new();
    for connection in 0..connections {
        let rounds = (0..rounds).map(|_| batch(&mut workload, connection, window));
        batches.push(rounds.collect::<Vec<_>>());
    }
    let (started, all) = (Instant::now(), cpu());
    let mut times = write(&store, batches).await;
    let (took, all, thread) = (started.elapsed(), cpu().saturating_sub(all), thread_cpu("store"));
    store.close().await;
    let again = first_after_restart(&dir, &mut workload, connections).await;
    fs::remove_dir_all(dir).unwrap();
    times.sort_unstable();
    let messages = (connections * window * rounds) as f64;
    let mut groups = std::mem::take(&mut *groups.0.lock().unwrap());
    groups.sort_unstable_by_key(|group| group.messages);
    let mut commits: Vec<Duration> = groups.iter().map(|group| group.commit).collect();
    commits.sort_unstable();
    println!(
        "{:<27} {:>10.0} {:>8.2} {:>8.2} {:>8} {:>8} {:>9.2} {:>9.2} {:>10.2} {:>9.1}",
        format!("{connections} × {window} in flight"),
        messages / took.as_secs_f64(),
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        groups[groups.len() / 2].messages,
        groups.last().unwrap().messages,
        quantile(&commits, 0.5),
        thread.as_secs_f64() * 1e6 / messages,
        all.as_secs_f64() * 1e6 / messages,
        again.as_secs_f64() * 1e3,
    );
}

/// Each writer waits for an answer before it saves the next batch. Returns how long each took.
pub(crate) async fn write(store: &Store, writers: Vec<Vec<Vec<Saves>>>) -> Vec<Duration> {
    let writer = |batches: Vec<Vec<Saves>>| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(batches.len());
            for batch in batches {
                let begun = Instant::now();
                store.save(batch).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        })
    };
    let mut times = Vec::new();
    for task in writers.into_iter().map(writer).collect::<Vec<_>>() {
        times.extend(task.await.unwrap());
    }
    times
}

/// The store looks each sender up in the index then, since it remembers none.
async fn first_after_restart(dir: &Path, workload: &mut Workload, connections: usize) -> Duration {
    let store = Store::open(dir, Options::default()).unwrap();
    let all: Vec<Saves> = (0..connections).flat_map(|from| batch(workload, from, 1)).collect();
    let begun = Instant::now();
    store.save(all).await.unwrap();
    let took = begun.elapsed();
    store.close().await;
    took
}

#[derive(Default)]
struct Groups(Mutex<Vec<Group>>);

impl Observer for Groups {
    fn group(&self, group: &Group) {
        self.0.lock().unwrap().push(*group);
    }
}

fn batch(workload: &mut Workload, connection: usize, window: usize) -> Vec<Saves> {
    let customer = u64::try_from(connection).unwrap() % workload::CUSTOMERS;
    (0..window).map(|_| saves(workload.message_of(customer))).collect()
}

/// What the library asks the store to save.
pub(crate) fn saves(row: workload::Message) -> Saves {
    let account = Account { appid: AppId(row.sender.0), uid: UserId(row.sender.1) };
    let config = Config::new(AppId(row.receiver.0)).unwrap();
    let session = Session::new(config, Identity::new(account, DeviceId(11)).unwrap());
    let body = Body::Customer(CustomerMessage {
        customer_appid: account.appid,
        customer_id: account.uid,
        store_id: StoreId(1),
        seller_id: UserId(row.receiver.1),
        timestamp: UnixTime::from(0),
        content: Bytes::from(row.content),
    });
    let message = Message { seq: Seq(1), version: Version(1), flags: Flags::TEXT, body };
    match session.handle(message, UnixTime::from(workload::TIMESTAMP)).unwrap().accept() {
        Accepted::Persistent(saves) => saves,
        Accepted::Transient(_) => unreachable!("no flag says so"),
    }
}

/// What a thread of this process has used so far, by its name.
pub(crate) fn thread_cpu(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let thread = tasks
        .filter(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == name)
        .max()
        .unwrap();
    let schedstat = fs::read_to_string(thread.join("schedstat")).unwrap();
    Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
}
