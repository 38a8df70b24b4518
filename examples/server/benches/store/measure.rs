//! Running a workload, and the table of what came out.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::workload::{CUSTOMERS, Engine, Message, Reader, SELLERS, Workload, customer, seller};

/// What one engine did with groups of one size.
pub(crate) struct Cell {
    pub(crate) group: usize,
    pub(crate) messages: usize,
    pub(crate) took: Duration,
    /// Of all threads: an engine may work in the background.
    pub(crate) cpu: Duration,
    pub(crate) commits: Vec<Duration>,
    /// The longest time between two commits, when the engine did something else.
    pub(crate) stall: Duration,
    pub(crate) bytes: u64,
    /// Pages a second, while groups are committed and afterwards.
    pub(crate) reads: Option<[f64; 2]>,
}

pub(crate) fn measure<E: Engine>(
    (size, count): (usize, usize),
    open: impl FnOnce(&Path) -> E,
) -> Cell {
    let dir = folder();
    let mut engine = open(&dir);
    let mut workload = Workload::new();
    let groups = workload.groups(count, size);
    let mut first = 1;
    let (started, cpu) = (Instant::now(), cpu());
    let (mut commits, mut stall) = (Vec::with_capacity(count), Duration::ZERO);
    for group in &groups {
        let begun = Instant::now();
        engine.commit(group, first);
        first += i64::try_from(size).unwrap();
        let committed = Instant::now();
        commits.push(committed - begun);
        engine.settle();
        stall = stall.max(committed.elapsed());
    }
    let (took, cpu) = (started.elapsed(), self::cpu().saturating_sub(cpu));
    let more = workload.groups(count.div_ceil(4), size);
    let during = read_during(&mut engine, &more, first);
    let after =
        read(&mut engine.reader(), &AtomicBool::new(false), Some(Duration::from_millis(700)));
    drop(engine);
    let bytes = size_of(&dir);
    fs::remove_dir_all(dir).unwrap();
    let messages = size * count;
    let reads = Some([during, after]);
    // What was written while reading is on disk, too.
    let bytes = bytes * messages as u64 / (messages + more.len() * size) as u64;
    Cell { group: size, messages, took, cpu, commits, stall, bytes, reads }
}

/// What the disk does with the same bytes: both keys and the body of each message.
pub(crate) fn raw((size, count): (usize, usize)) -> Cell {
    let dir = folder();
    let mut file = File::create(dir.join("raw")).unwrap();
    let groups: Vec<Vec<u8>> = Workload::new()
        .groups(count, size)
        .iter()
        .map(|group| group.iter().flat_map(|row| [vec![0; 48], row.body()].concat()).collect())
        .collect();
    let (started, cpu) = (Instant::now(), cpu());
    let mut commits = Vec::with_capacity(count);
    for group in &groups {
        let begun = Instant::now();
        file.write_all(group).unwrap();
        file.sync_data().unwrap();
        commits.push(begun.elapsed());
    }
    let (took, cpu) = (started.elapsed(), self::cpu().saturating_sub(cpu));
    let bytes = size_of(&dir);
    fs::remove_dir_all(dir).unwrap();
    let stall = Duration::ZERO;
    Cell { group: size, messages: size * count, took, cpu, commits, stall, bytes, reads: None }
}

fn read_during<E: Engine>(engine: &mut E, groups: &[Vec<Message>], mut first: i64) -> f64 {
    let done = Arc::new(AtomicBool::new(false));
    let mut reader = engine.reader();
    let stop = Arc::clone(&done);
    let reading = std::thread::spawn(move || read(&mut reader, &stop, None));
    for group in groups {
        engine.commit(group, first);
        first += i64::try_from(group.len()).unwrap();
        engine.settle();
    }
    done.store(true, Ordering::Relaxed);
    reading.join().unwrap()
}

/// Clients that come back after a while: each reads up to five pages of its queue.
fn read(reader: &mut impl Reader, stop: &AtomicBool, limit: Option<Duration>) -> f64 {
    let mut choice = Workload::new();
    let (started, mut pages, mut rows) = (Instant::now(), 0_u32, Vec::new());
    while !stop.load(Ordering::Relaxed) && limit.is_none_or(|limit| started.elapsed() < limit) {
        let client = (choice.random() >> 32) % (CUSTOMERS + SELLERS);
        let queue = if client < CUSTOMERS { customer(client) } else { seller(client - CUSTOMERS) };
        let mut after = 0;
        for _ in 0..5 {
            rows.clear();
            reader.page(queue, after, 256, &mut rows);
            assert!(rows.is_sorted());
            pages += 1;
            let Some(last) = rows.last() else { break };
            after = last.0;
        }
    }
    f64::from(pages) / started.elapsed().as_secs_f64()
}

/// On the disk that the build is on: a sync in memory would cost nothing.
pub(crate) fn folder() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-bench");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

pub(crate) fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.metadata().unwrap() {
        meta if meta.is_dir() => size_of(&entry.path()),
        meta => std::os::unix::fs::MetadataExt::blocks(&meta) * 512,
    });
    sizes.sum()
}

pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

pub(crate) fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (last * share).round() as usize;
    sorted.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// Cells by group size; ratios are to the row of the same size that is called `base`.
pub(crate) struct Table {
    title: &'static str,
    base: &'static str,
    rows: Vec<(String, Cell)>,
}

impl Table {
    pub(crate) fn new(title: &'static str, base: &'static str) -> Self {
        Self { title, base, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, cell: Cell) {
        let name = name.into();
        eprintln!("{}: {name}, groups of {}", self.title, cell.group);
        self.rows.push((name, cell));
    }

    pub(crate) fn print(mut self) {
        println!(
            "\n{:<27} {:>5} {:>10} {:>6} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>9} {:>9}",
            self.title,
            "group",
            "messages/s",
            "ratio",
            "p50 ms",
            "p99 ms",
            "stall ms",
            "CPU µs",
            "ratio",
            "B/msg",
            "pages/s d",
            "pages/s a"
        );
        let speed = |cell: &Cell| cell.messages as f64 / cell.took.as_secs_f64();
        let cpu = |cell: &Cell| cell.cpu.as_secs_f64() * 1e6 / cell.messages as f64;
        for (_, cell) in &mut self.rows {
            cell.commits.sort_unstable();
        }
        for (name, cell) in &self.rows {
            let base = self.rows.iter().find(|(n, c)| n == self.base && c.group == cell.group);
            let base = &base.unwrap().1;
            let [during, after] = cell
                .reads
                .map_or([String::new(), String::new()], |reads| reads.map(|r| format!("{r:.0}")));
            println!(
                "{:<27} {:>5} {:>10.0} {:>6.2} {:>8.2} {:>8.2} {:>8.1} {:>8.2} {:>7.2} {:>6.0} {:>9} {:>9}",
                name,
                cell.group,
                speed(cell),
                speed(cell) / speed(base),
                quantile(&cell.commits, 0.5),
                quantile(&cell.commits, 0.99),
                cell.stall.as_secs_f64() * 1e3,
                cpu(cell),
                cpu(cell) / cpu(base),
                cell.bytes as f64 / cell.messages as f64,
                during,
                after,
            );
        }
        println!(
            "pages/s: queries of 256 rows, d during the commits, a afterwards. B/msg: on disk."
        );
    }
}
