//! The index against a model: a sorted set of all postings.

use std::collections::BTreeSet;
use std::path::Path;

use kefu_proto::{Account, AppId, MsgId, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use crate::store::embedded::error::is_corrupt;

use super::build::first_msgid;
use super::{Filters, Index, Posting, Reader, TABLES, Term};

/// The index in a database, and what it must say.
struct World {
    dir: TempDir,
    db: Connection,
    index: Index,
    /// All postings of messages up to `sent`.
    all: BTreeSet<Posting>,
    sent: i64,
    /// The last message of the flushes that are not committed to their ends.
    flushing: Option<i64>,
    first: i64,
}

/// What a reader has seen since some commit.
struct Snapshot {
    db: Connection,
    filters: Filters,
    indexed: i64,
    first: i64,
}

#[derive(Clone, Debug)]
enum Op {
    /// So many messages of so many accounts, which begin to be indexed.
    Flush {
        messages: u16,
        accounts: u8,
    },
    Transaction {
        budgets: Vec<usize>,
        commits: bool,
    },
    Reopen,
    /// Deletes a part of the messages, in 256ths.
    Delete(u8),
    /// Opens a reader, or replaces the older of two.
    Look,
}

fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "synchronous", "OFF").unwrap();
    db.set_prepared_statement_cache_capacity(64);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    db
}

fn open_index(db: &Connection) -> Index {
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut index = Index::open(db).unwrap();
    db.execute_batch("COMMIT").unwrap();
    index.load_filters(db).unwrap();
    index
}

fn account(uid: i64) -> Account {
    Account::new(AppId(7 + uid % 3), UserId(uid - 2))
}

/// The postings of message `n`.
fn postings(n: i64, accounts: i64) -> [Posting; 3] {
    // Some senders are their own receivers.
    let (sender, receiver) = (account(n * 7 % accounts), account(n * n % accounts));
    let mark = n.wrapping_mul(0x1234_5678_9abc_def1) >> (n % 40);
    [
        Posting { term: Term::Queue(receiver), msgid: MsgId(2 * n - 1) },
        Posting { term: Term::Queue(sender), msgid: MsgId(2 * n) },
        Posting { term: Term::Mark(mark), msgid: MsgId(2 * n) },
    ]
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir.path().join("db"));
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.execute_batch(TABLES).unwrap();
        let index = open_index(&db);
        Self { dir, db, index, all: BTreeSet::new(), sent: 0, flushing: None, first: 1 }
    }

    fn reader(&self) -> Connection {
        let db = open(&self.dir.path().join("db"));
        // The snapshot is taken by the first read.
        db.execute_batch("BEGIN; SELECT * FROM run").unwrap();
        db
    }

    fn flush(&mut self, messages: i64, accounts: i64) {
        let new = self.sent + 1..=self.sent + messages;
        self.all.extend(new.flat_map(|n| postings(n, accounts)));
        self.sent += messages;
        self.flush_up_to_sent();
    }

    /// What is not on its way yet.
    fn flush_up_to_sent(&mut self) {
        let indexed = self.flushing.unwrap_or(self.index.indexed());
        let new = |posting: &&Posting| posting.msgid >= first_msgid(indexed + 1);
        self.index.flush(self.all.iter().filter(new).copied().collect(), self.sent);
        self.flushing = Some(self.sent);
    }

    fn transact(&mut self, budgets: &[usize], commits: bool) {
        let (indexed, was_flushing) = (self.index.indexed(), self.index.is_flushing());
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for budget in budgets {
            self.index.step(&self.db, *budget, self.first).unwrap();
        }
        if commits {
            self.db.execute_batch("COMMIT").unwrap();
            self.index.commit();
            if !self.index.is_flushing() {
                assert_eq!(self.index.indexed(), self.flushing.take().unwrap_or(indexed));
            }
        } else {
            self.db.execute_batch("ROLLBACK").unwrap();
            self.index.roll_back();
            assert_eq!((self.index.indexed(), self.index.is_flushing()), (indexed, was_flushing));
        }
    }

    fn settle(&mut self) {
        let mut steps = 0;
        while self.index.has_work(self.first) {
            self.transact(&[5000], true);
            steps += 1;
            assert!(steps < 10_000, "work without end");
        }
    }

    fn reopen(&mut self) {
        self.index = open_index(&self.db);
        self.flushing = None;
        self.flush_up_to_sent();
    }

    fn snapshot(&self) -> Snapshot {
        let (filters, indexed) = (self.index.filters(), self.index.indexed());
        Snapshot { db: self.reader(), filters, indexed, first: self.first }
    }

    /// What a reader must find of a term, in order.
    fn expected(
        &self,
        term: Term,
        first: i64,
        until: i64,
    ) -> impl DoubleEndedIterator<Item = MsgId> {
        let (least, most) = (first_msgid(first), first_msgid(until.max(first - 1) + 1));
        let of_term = Posting { term, msgid: least }..Posting { term, msgid: most };
        self.all.range(of_term).map(|posting| posting.msgid)
    }

    fn check(&self, snapshot: &Snapshot, salt: i64, whole: bool) {
        let reader = Reader::new(&snapshot.db, &snapshot.filters).unwrap();
        let (first, until) = (snapshot.first, snapshot.indexed);
        assert_eq!(reader.indexed(), until);
        let from = first + salt.rem_euclid((until - first).max(0) + 2);
        let queues = (0..6).map(|uid| Term::Queue(account(uid)));
        let sent = (0..2).map(|step| from + step).filter(|n| *n <= self.sent);
        for term in queues.chain(sent.flat_map(|n| postings(n, 1).map(|posting| posting.term))) {
            for (from, limit) in
                [(from, 3), (from, 40)].into_iter().chain(whole.then_some((first, usize::MAX)))
            {
                let found = reader.after(term, MsgId(first_msgid(from).0 - 1), limit).unwrap();
                let expected = self.expected(term, from, until).take(limit);
                assert!(expected.eq(found), "{term:?} from {from}");
            }
            for to in [from, i64::MAX / 2] {
                let found = reader.before(term, first_msgid(to + 1)).unwrap();
                let expected = self.expected(term, first, until.min(to)).next_back();
                let found = found.filter(|found| *found >= first_msgid(first));
                assert_eq!(found, expected, "{term:?} to {to}");
            }
        }
    }

    fn count(&self, what: &str) -> i64 {
        self.db.query_one(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let budget = prop_oneof![1..50_usize, 50..5000_usize];
    let op = prop_oneof![
        9 => (0..40_u16, 1..6_u8).prop_map(|(messages, accounts)| Op::Flush { messages, accounts }),
        1 => (0..900_u16, 1..6_u8)
            .prop_map(|(messages, accounts)| Op::Flush { messages, accounts }),
        11 => (vec(budget, 1..4), prop::bool::weighted(0.9))
            .prop_map(|(budgets, commits)| Op::Transaction { budgets, commits }),
        1 => Just(Op::Reopen),
        1 => any::<u8>().prop_map(Op::Delete),
        1 => Just(Op::Look),
    ];
    vec(op, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn readers_see_exactly_what_is_indexed(ops in ops()) {
        let mut world = World::new();
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for (salt, op) in (0..).zip(ops) {
            match op {
                Op::Flush { messages, accounts } => world.flush(messages.into(), accounts.into()),
                Op::Transaction { budgets, commits } => world.transact(&budgets, commits),
                Op::Reopen => world.reopen(),
                Op::Delete(part) => {
                    world.first += (world.sent + 1 - world.first) * i64::from(part) / 256;
                }
                Op::Look => {
                    if snapshots.len() == 2 {
                        snapshots.remove(0);
                    }
                    snapshots.push(world.snapshot());
                }
            }
            world.check(&world.snapshot(), salt * 97, salt % 16 == 0);
            for snapshot in &snapshots {
                world.check(snapshot, salt * 89, salt % 16 == 0);
            }
        }
        snapshots.clear();
        world.settle();
        world.check(&world.snapshot(), 3, true);
        prop_assert_eq!(world.index.indexed(), world.sent);
        // What is dead is gone.
        prop_assert_eq!(world.count("run WHERE state <> 1"), 0);
        prop_assert_eq!(world.count("fence WHERE run NOT IN (SELECT id FROM run)"), 0);
        prop_assert_eq!(world.count("block"), world.count("fence"));
        prop_assert_eq!(world.count("filter WHERE id / 65536 NOT IN (SELECT id FROM run)"), 0);
    }
}

/// How many runs are visible after so many flushes, with all that there is to do done.
fn runs_after(flushes: i64) -> i64 {
    let mut world = World::new();
    for _ in 0..flushes {
        world.flush(3, 5);
        world.settle();
    }
    world.count("run")
}

#[test]
fn few_runs_are_left() {
    assert_eq!([7, 8, 63, 64, 130].map(runs_after), [7, 1, 14, 1, 4]);
}

#[test]
fn each_posting_is_found_from_its_neighbours() {
    let mut world = World::new();
    for _ in 0..3 {
        world.flush(5, 3);
        world.settle();
    }
    let reader = world.index.reader(&world.db);
    for Posting { term, msgid } in &world.all {
        let after = reader.after(*term, MsgId(msgid.0 - 1), 1).unwrap();
        let before = reader.before(*term, MsgId(msgid.0 + 1)).unwrap();
        assert_eq!((after, before), (vec![*msgid], Some(*msgid)));
    }
}

#[test]
fn a_flush_of_nothing_makes_no_run() {
    let mut world = World::new();
    for messages in [0, 5, 0, 0] {
        world.flush(messages, 5);
        world.settle();
        assert!(!world.index.is_flushing());
    }
    assert_eq!((world.count("run"), world.index.indexed()), (1, 5));
}

#[test]
fn no_step_does_much_more_than_it_may() {
    let mut world = World::new();
    let (mut most_changes, mut most_runs) = (0, 0);
    for _ in 0..70 {
        world.flush(2000, 100);
        while world.index.is_flushing() || world.db.total_changes() == 0 {
            let before = world.db.total_changes();
            world.transact(&[2048], true);
            most_changes = most_changes.max(world.db.total_changes() - before);
        }
        most_runs = most_runs.max(world.count("run WHERE state = 1"));
        // As many postings as came, for each level, and some for what is swept.
        (0..8).for_each(|_| world.transact(&[2048], true));
    }
    assert!(most_changes <= 40, "{most_changes} rows are those of a dozen blocks");
    assert!(most_runs <= 20, "{most_runs} runs");
    world.settle();
    assert_eq!(world.count("run"), 1 + 6);
}

#[test]
fn deleted_messages_give_their_room_back() {
    let mut world = World::new();
    for _ in 0..20 {
        world.flush(3000, 100);
        world.settle();
    }
    let blocks = world.count("block");
    world.first = world.sent * 9 / 10;
    world.settle();
    world.check(&world.snapshot(), 1, true);
    assert!(world.count("block") * 6 < blocks);
    world.first = world.sent + 1;
    world.settle();
    assert_eq!((world.count("run"), world.count("block")), (1, 0));
    assert_eq!(world.index.indexed(), world.sent, "the index is as far as before");
    world.flush(10, 5);
    world.settle();
    world.check(&world.snapshot(), 1, true);
}

#[test]
fn each_row_fits_a_page() {
    let mut world = World::new();
    for _ in 0..16 {
        world.flush(4000, 3000);
    }
    world.settle();
    assert!(world.count("block") > 100 && world.count("filter") > 10);
    assert_eq!(world.count("dbstat WHERE pagetype = 'overflow'"), 0);
    let blocks = world.count("dbstat WHERE name = 'block' AND pagetype = 'leaf'");
    assert!(world.count("block") * 10 / blocks >= 9, "{blocks} pages");
}

#[test]
fn a_damaged_block_fails_who_needs_it_and_is_never_merged() {
    let mut world = World::new();
    for _ in 0..7 {
        world.flush(1500, 5);
        world.settle();
    }
    let (run, block): (i64, i64) = world
        .db
        .query_one("SELECT run, block FROM fence ORDER BY run, first LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    world
        .db
        .execute("UPDATE block SET postings = substr(postings, 1, 99) WHERE id = ?", [block])
        .unwrap();

    let snapshot = world.snapshot();
    let reader = Reader::new(&snapshot.db, &snapshot.filters).unwrap();
    let lost = Term::Queue(account(0));
    let error = reader.after(lost, MsgId(0), 9).unwrap_err();
    assert!(is_corrupt(&error), "{error}");
    assert!(error.to_string().contains(&format!("block {block} of run {run}")), "{error}");
    let later = world.expected(lost, 1501, world.sent).next().unwrap();
    assert_eq!(reader.after(lost, first_msgid(1501), 1).unwrap(), [later], "of a later run");

    world.flush(1500, 5);
    world.db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = (0..100).find_map(|_| world.index.step(&world.db, 2000, 1).err()).unwrap();
    assert!(is_corrupt(&failed), "{failed}");
    world.db.execute_batch("ROLLBACK").unwrap();
    world.index.roll_back();
    world.settle();
    for _ in 0..8 {
        world.flush(1500, 5);
        world.settle();
    }
    assert_eq!(world.count("run"), 1 + 1 + 7, "the damaged one, a merged one, and seven more");
    assert_eq!(world.index.indexed(), world.sent);
}

#[test]
fn a_fence_before_another_block_or_none_is_damage() {
    let mut world = World::new();
    world.flush(1500, 5);
    world.settle();
    assert!(world.count("block") > 1);
    let damages = ["UPDATE fence SET block = (SELECT max(block) FROM fence)", "DELETE FROM block"];
    for damage in damages {
        world.db.execute(damage, []).unwrap();
        let reader = world.index.reader(&world.db);
        let error = reader.after(Term::Queue(account(0)), MsgId(0), 9).unwrap_err();
        assert!(is_corrupt(&error), "{error}");
        let error = reader.before(Term::Queue(account(0)), MsgId(99)).unwrap_err();
        assert!(is_corrupt(&error), "{error}");
    }
}

#[test]
fn a_damaged_filter_is_not_used() {
    let mut world = World::new();
    world.flush(100, 5);
    world.settle();
    for damage in ["UPDATE filter SET bits = zeroblob(length(bits))", "DELETE FROM filter"] {
        world.db.execute(damage, []).unwrap();
        world.index = open_index(&world.db);
        world.check(&world.snapshot(), 1, true);
    }
}

#[test]
fn an_index_without_runs_is_empty() {
    let mut world = World::new();
    world.flush(100, 5);
    world.settle();
    world.db.execute_batch("DELETE FROM run").unwrap();
    world.reopen();
    assert_eq!((world.index.indexed(), world.count("block"), world.count("filter")), (0, 0, 0));
    world.settle();
    world.check(&world.snapshot(), 1, true);
}

#[test]
fn a_block_is_found_by_one_search() {
    let world = World::new();
    for (compared, order) in [("<=", "DESC"), (">", "ASC")] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT f.block, f.first, b.postings
            FROM fence f LEFT JOIN block b ON b.id = f.block
            WHERE f.run = ?1 AND f.first {compared} ?2 ORDER BY f.first {order} LIMIT 1"
        );
        let mut explain = world.db.prepare(&sql).unwrap();
        let plan: Vec<String> = explain
            .query_map([Some(1), None], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let searches = plan.iter().filter(|step| step.starts_with("SEARCH")).count();
        assert_eq!((searches, plan.len()), (2, 2), "{plan:?}");
    }
}
