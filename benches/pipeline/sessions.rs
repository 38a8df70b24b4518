//! `sessions`: `effects` of messages that come from one session after another, in no order the processor could foresee.
//!
//! The state of a session is all that a message needs beside its own bytes. What rises with the number of sessions is how far
//! away that state lies: in the first cache, the second, the third, in memory. `fetch` is that way alone, to compare with.

use std::hint::black_box;
use std::iter::Cycle;
use std::slice::Iter;
use std::time::{Duration, Instant};

use criterion::Criterion;
use kefu_bench::host::{self, Host};
use kefu_bench::ratios::SESSIONS;
use kefu_bench::rig::{self, BATCH, Known, Rig, TEXT};
use kefu_proto::{AppId, Session};

const CONTENT: usize = 100;

pub(crate) fn measure(criterion: &mut Criterion) {
    let known = Known::default();
    let host = Host::new(&known);
    let mut rig = Rig::new(&known, known.uid, TEXT, CONTENT);
    for number in SESSIONS {
        let sessions: Vec<_> = (0..number).map(|index| host::session(&known, uid(index))).collect();
        let mut order: Vec<_> = (0..number).collect();
        fastrand::Rng::with_seed(1).shuffle(&mut order);
        let mut turns = order.iter().cycle();
        criterion.bench_function(&format!("sessions/{number}"), |bencher| {
            bencher.iter_custom(|messages| {
                rig::time(messages, || batch(&host, &sessions, &mut turns, &mut rig))
            });
        });
        criterion.bench_function(&format!("fetch/{number}"), |bencher| {
            bencher.iter_custom(|messages| rig::time(messages, || fetch(&sessions, &mut turns)));
        });
    }
}

/// Before the clock runs nothing of a session is touched, or it would be near by then.
fn batch(
    host: &Host,
    sessions: &[Session],
    turns: &mut Cycle<Iter<'_, usize>>,
    rig: &mut Rig,
) -> Duration {
    let frames = usize::try_from(BATCH).expect("a batch is small");
    let batch: Vec<_> = turns.take(frames).copied().collect();
    rig.set_customers(batch.iter().copied().map(uid));
    let (read, _) = rig.refill();
    let start = Instant::now();
    host.effects_of_all(batch.iter().map(|&index| &sessions[index]), read);
    start.elapsed()
}

/// Reads a word of each session, one after the other as `batch` does: there the read buffer's locked operations are what
/// keeps the processor from fetching several at once, here each index waits for the word before it.
fn fetch(sessions: &[Session], turns: &mut Cycle<Iter<'_, usize>>) -> Duration {
    let frames = usize::try_from(BATCH).expect("a batch is small");
    let batch: Vec<_> = turns.take(frames).copied().collect();
    let start = Instant::now();
    let mut nothing = 0;
    for index in batch {
        let AppId(appid) = sessions[index + nothing].identity().account().appid;
        nothing = black_box(usize::from(appid == 0));
    }
    start.elapsed()
}

fn uid(index: usize) -> i64 {
    i64::try_from(index).expect("there are not so many") + 1
}
