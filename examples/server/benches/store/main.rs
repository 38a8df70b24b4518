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
//! after, medians of three runs in turn, contents of 100 bytes with a uuid, p99 from a save to its
//! answer, and CPU of the store's thread:
//!
//! | customers, stored | writers × window | messages/s | | p99 ms | CPU µs | bytes written a message |
//! |---|---|---|---|---|---|---|
//! | 200, 100,000 | 200 × 1 | 60,203, 178,991 | 3.0 | 12.1, 5.4 | 13.0, 4.5 | 5,863, 587 |
//! | | 20 × 1 | 25,502, 47,556 | 1.9 | 7.1, 1.2 | 26.3, 13.1 | 9,822, 1,254 |
//! | | 1 × 1 | 3,964, 5,754 | 1.5 | 0.47, 0.28 | 136, 92 | 16,514, 6,693 |
//! | | 200 × 32 | 188,701, 339,563 | 1.8 | 67.6, 63.6 | 4.7, 2.6 | 1,041, 401 |
//! | 20,000, 10 million | 200 × 1 | 7,220, 95,229 | 13 | 86, 7.4 | 123, 9.3 | 11,837, 939 |
//! | | 20 × 1 | 6,078, 36,674 | 6.0 | 37, 2.7 | 141, 20 | 14,484, 1,839 |
//! | | 1 × 1 | 2,024, 4,354 | 2.2 | 0.79, 0.37 | 341, 125 | 20,138, 9,272 |
//! | | 200 × 32 | 8,759, 150,879 | 17 | 978, 116 | 104, 6.1 | 9,486, 660 |
//! | a million, 10 million | 200 × 1 | 22,501, 48,168 | 2.1 | 57, 10 | 31.8, 19.4 | 11,224, 944 |
//! | | 20 × 1 | 14,656, 28,468 | 1.9 | 5.6, 2.9 | 46, 28 | 13,840, 1,803 |
//! | | 1 × 1 | 3,124, 3,806 | 1.2 | 0.52, 0.41 | 179, 146 | 19,662, 9,254 |
//! | | 200 × 32 | 26,016, 59,231 | 2.3 | 290, 158 | 27.5, 16.4 | 9,756, 688 |
//!
//! A sender of all ten million messages has 0.94 times the throughput of one with ten if it waits
//! for each answer, and 0.7 times with 200 messages at once, because there is more to merge. With
//! ten million messages the store opens in 0.1 s. Reading 10,000 messages in the server's pages took
//! 18.2 ms before and 17.2 ms after in the first rows, and no longer than before in the others.
//!
//! What gave much beside the index: a log that grows ahead of its use, since to sync a file that has
//! grown takes half as long again (1 × 1: from 0.9 to 1.5), and cutting the bodies of a page from one
//! buffer (reading: a quarter less). What gave nothing: to wait a moment for more messages before a
//! commit, and `fdatasync` in place of `fsync`.
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
