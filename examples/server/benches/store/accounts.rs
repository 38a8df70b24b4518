//! The store with many accounts, when much is stored already.
//!
//! `cargo bench -p kefu-server --bench store -- accounts customers=1000000 stored=10000000`; also
//! `writers=`, `window=`, `messages=`, and `dir=` for a folder that is kept and used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kefu_proto::{Account, AppId, MsgId, Saves, UserId};
use kefu_server::store::PageBounds;
use kefu_server::store::embedded::{Options, Store};

use crate::handle::{saves, thread_cpu, write};
use crate::measure::{cpu, folder, quantile};
use crate::workload::{Workload, seller};

pub(crate) fn run(args: &[String], scale: usize) {
    let number = |name: &str, default: usize| {
        let value = args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
        value.map_or(default, |value| value.parse().unwrap())
    };
    let setting = Setting {
        customers: number("customers", 200),
        stored: number("stored", 1_000_000 / scale),
        writers: number("writers", 200),
        window: number("window", 1),
        messages: number("messages", 200_000 / scale),
    };
    let kept = args.iter().find_map(|arg| arg.strip_prefix("dir=")).map(PathBuf::from);
    let dir = kept.clone().unwrap_or_else(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(setting.measure(&dir));
    if kept.is_none() {
        fs::remove_dir_all(dir).unwrap();
    }
}

struct Setting {
    customers: usize,
    stored: usize,
    writers: usize,
    window: usize,
    messages: usize,
}

impl Setting {
    async fn measure(&self, dir: &Path) {
        let mut workload = Workload::of(self.customers.try_into().unwrap());
        self.fill(dir, &mut workload).await;
        let opened = Instant::now();
        let store = Store::open(dir, Options::default()).unwrap();
        let opened = opened.elapsed();
        let rounds = (self.messages / self.writers / self.window).max(1);
        let writer = |workload: &mut Workload| {
            let batch = |_| (0..self.window).map(|_| saves(workload.message())).collect();
            (0..rounds).map(batch).collect::<Vec<Vec<Saves>>>()
        };
        let writers: Vec<_> = (0..self.writers).map(|_| writer(&mut workload)).collect();
        let (started, used, written) = (Instant::now(), cpu(), Written::now());
        let mut times = write(&store, writers).await;
        let took = started.elapsed();
        let thread = thread_cpu("store");
        let sync = sync(&store).await;
        // What is left to do belongs to these messages.
        store.close().await;
        let (used, written) = (cpu().saturating_sub(used), Written::now().since(&written));
        times.sort_unstable();
        let messages = (rounds * self.writers * self.window) as f64;
        println!(
            "customers {}, stored {}, writers {} x {}: {:.0} messages/s, p50 {:.2} ms, p99 {:.2} ms, \
             max {:.1} ms, CPU {:.2} us in the store's thread, {:.2} in all, {:.0} bytes passed to \
             the kernel, {:.0} to the disk; opened in {:.3} s, 10,000 messages read in {:.1} ms",
            self.customers,
            self.stored,
            self.writers,
            self.window,
            messages / took.as_secs_f64(),
            quantile(&times, 0.5),
            quantile(&times, 0.99),
            quantile(&times, 1.0),
            thread.as_secs_f64() * 1e6 / messages,
            used.as_secs_f64() * 1e6 / messages,
            written.passed as f64 / messages,
            written.disk as f64 / messages,
            opened.as_secs_f64(),
            sync.as_secs_f64() * 1e3,
        );
    }

    /// Stores what there is before the measurement, unless the folder has it already.
    async fn fill(&self, dir: &Path, workload: &mut Workload) {
        if dir.join("kefu.db").exists() {
            // Earlier runs have stored theirs, too.
            workload.reseed();
            return;
        }
        let store = Store::open(dir, Options::default()).unwrap();
        let mut left = self.stored;
        while left > 0 {
            let count = left.min(8_000);
            store.save((0..count).map(|_| saves(workload.message())).collect()).await.unwrap();
            left -= count;
        }
        store.close().await;
    }
}

/// Reads up to 10,000 messages of a seller, in pages as large as a connection's.
async fn sync(store: &Store) -> Duration {
    let (appid, uid) = seller(0);
    let queue = Account { appid: AppId(appid), uid: UserId(uid) };
    let started = Instant::now();
    let (mut after, mut count) = (MsgId(0), 0);
    while count < 10_000 {
        let bounds = PageBounds { rows: 1_000, bytes: 64 * 1024 };
        let page = store.page(queue, after, bounds).await.unwrap();
        count += page.rows.len();
        let Some(last) = page.rows.last() else { break };
        after = last.msgid;
    }
    started.elapsed()
}

/// Bytes that this process has written.
struct Written {
    passed: u64,
    disk: u64,
}

impl Written {
    fn now() -> Self {
        let io = fs::read_to_string("/proc/self/io").unwrap();
        let value = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse().unwrap()
        };
        Self { passed: value("wchar:"), disk: value("write_bytes:") }
    }

    fn since(self, before: &Self) -> Self {
        Self { passed: self.passed - before.passed, disk: self.disk - before.disk }
    }
}
