//! Which embedded store: `SQLite`, redb and fjall on the server's own workload.
//!
//! `cargo bench -p kefu-server --bench store`, with any of `engines`, `schemas`, `store`, `accounts`
//! after `--` for a part of it. Every commit is durable: it returns after the sync. Sizes are of what
//! lies on disk at the end. Timings of a shared machine are noisy: read the ratios, and run it
//! twice.
//!
//! # What came out
//!
//! On two cores and a virtual disk, in groups of 210 and of 3,000 messages, relative to `SQLite`:
//!
//! | engine, repeats | messages/s | CPU | on disk |
//! |---|---|---|---|
//! | `SQLite`, marks | 1 and 1 | 1 and 1 | 1 |
//! | redb, marks | 0.71 and 0.57 | 1.6 and 1.8 | 1.7 |
//! | fjall, marks | 2.6 and 0.76 | 0.5 and 1.8 | 1.2 to 1.6 |
//! | `SQLite`, index | 0.56 and 0.27 | 2.2 and 3.3 | 1.15 |
//! | redb, index | 0.35 and 0.24 | 3.6 and 3.8 | 2.2 |
//! | fjall, index | 0.67 and 0.32 | 1.4 and 3.9 | 1.5 to 2.0 |
//!
//! `SQLite` stored 76,000 and 223,000 messages a second, several times what the server needs, in
//! half the space, and every person's tools can read its file: it is the store. fjall appends
//! where B-trees write a page for every queue that a small group touches, but loses that in large
//! groups to its compactions, which also make its reads the slowest. redb's reads are two to three
//! times as fast as `SQLite`'s, its commits the slowest.
//!
//! What matters more than the engine is how repeats are found: an index of random uuids makes a
//! save two to three times as dear in each of them, and the dearer the larger it grows. The marks
//! that these engines use avoid that, but are loaded for a sender as a whole: with millions of
//! messages that takes seconds.
//!
//! So the store appends rows of messages alone, and writes its index of queues and uuids behind
//! them, in sorted runs in tables of the same database (parts `store` and `accounts`). Before and
//! after, three runs in turn, contents of 100 bytes with a uuid, p99 from a save to its answer, and
//! CPU of the store's thread:
//!
//! | writers × window, customers | messages/s | | p99 ms | CPU µs | bytes written a message |
//! |---|---|---|---|---|---|
//! | 200 × 1, 200 | 56,758, 152,786 | 2.7 | 13.0, 5.5 | 13.5, 5.1 | 5,858, 511 |
//! | 20 × 1, 200 | 26,431, 46,287 | 1.75 | 5.8, 0.8 | 26.0, 13.3 | 9,563, 1,040 |
//! | 1 × 1, 200 | 4,696, 4,948 | 1.05 | 0.38, 0.32 | 118, 104 | 15,469, 4,590 |
//! | 200 × 32, 200 | 177,665, 295,428 | 1.7 | 73.6, 71.0 | 4.9, 3.1 | 1,033, 382 |
//! | 200 × 1, 20,000 | 36,197, 104,545 | 2.9 | 28.8, 6.5 | 20.7, 8.1 | 8,335, 546 |
//! | 200 × 1, 1,000,000 | 35,945, 91,143 | 2.5 | 30.3, 6.4 | 21.1, 9.1 | 8,452, 553 |
//! | the same with 5.8 million stored, one run | 7,001, 22,813 | 3.3 | 145, 40 | 43.2, 21.0 | 11,003, 586 |
//!
//! Reading 10,000 messages in the server's pages took 20.4 ms before and 19.2 ms after, the medians of
//! six runs each.
//!
//! Among `SQLite`'s schemas (part `schemas`) one row for the message and two narrow ones in the
//! queues costs half the CPU and half the space of two whole rows. Whole rows clustered by queue
//! would be read three times as fast, but a queue is read once and every message waits for its
//! commit. Pages larger than 4 KiB cost more at every commit, smaller ones save nothing;
//! checkpoints every 4,000 pages cost little and hold up nobody for long.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at any error")]
#![allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "figures are rounded when printed"
)]

mod accounts;
mod fjall;
mod handle;
mod measure;
mod redb;
mod sqlite;
mod workload;

use measure::{Cell, Table, measure, raw};
use sqlite::{Layout, Settings, Sqlite};
use workload::Repeats;

/// Group sizes, and how many groups of each.
const GROUPS: [(usize, usize); 5] =
    [(1, 3_000), (16, 2_000), (210, 700), (1_000, 300), (3_000, 200)];

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let bench = std::env::args().any(|arg| arg == "--bench");
    // Without `--bench`, as a test: does it run at all?
    let scale = if bench { 1 } else { 100 };
    let wanted = |name: &str| named.is_empty() || named.iter().any(|arg| arg == name);
    if wanted("engines") {
        engines(scale);
    }
    if wanted("schemas") {
        schemas(scale);
    }
    if wanted("store") {
        handle::run(scale);
    }
    if named.iter().any(|arg| arg == "accounts") || !bench {
        accounts::run(&named, scale);
    }
}

fn engines(scale: usize) {
    let mut table = Table::new("Engines", "sqlite, marks");
    for (size, count) in GROUPS {
        let groups = (size, (count / scale).max(2));
        table.add("raw append + fdatasync", raw(groups));
        for repeats in [Repeats::Marks, Repeats::Index] {
            let how = if repeats == Repeats::Marks { "marks" } else { "index" };
            let settings = Settings { repeats, ..Settings::default() };
            table.add(format!("sqlite, {how}"), measure(groups, |dir| Sqlite::open(dir, settings)));
            table
                .add(format!("redb, {how}"), measure(groups, |dir| redb::Redb::open(dir, repeats)));
            table.add(
                format!("fjall, {how}"),
                measure(groups, |dir| fjall::Fjall::open(dir, repeats)),
            );
        }
    }
    table.print();
}

/// Why the store's schema is what it is.
fn schemas(scale: usize) {
    let normal = Settings::default();
    let variants = [
        ("the store's", normal),
        ("whole rows by queue", Settings { layout: Layout::Wide, ..normal }),
        ("whole rows, log + index", Settings { layout: Layout::Log, ..normal }),
        ("uuids in an index", Settings { repeats: Repeats::Index, ..normal }),
        ("pages of 1 KiB", Settings { page_size: 1024, checkpoint_pages: 16_000, ..normal }),
        ("pages of 8 KiB", Settings { page_size: 8192, checkpoint_pages: 2_000, ..normal }),
        ("pages of 16 KiB", Settings { page_size: 16384, checkpoint_pages: 1_000, ..normal }),
        ("checkpoint at 1,000 pages", Settings { checkpoint_pages: 1_000, ..normal }),
        ("checkpoint at 16,000 pages", Settings { checkpoint_pages: 16_000, ..normal }),
    ];
    let mut table = Table::new("SQLite", "the store's");
    for (size, count) in [(210, 1_000), (3_000, 200)] {
        for (name, settings) in variants {
            let groups = (size, (count / scale).max(2));
            let cell: Cell = measure(groups, |dir| Sqlite::open(dir, settings));
            table.add(name, cell);
        }
    }
    table.print();
}
