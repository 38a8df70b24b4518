//! `sessions`: `effects` of messages from many sessions in turn, in an order that the processor
//! cannot predict.
//!
//! Besides its own bytes, a message needs only the state of its session. With the number of
//! sessions grows the distance to that state: first-, second- and third-level cache, memory.
//! `fetch` measures that access alone, for comparison.

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

/// Touches no session before the clock runs, which would load it into the cache.
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

/// Reads one word of each session, one after the other like `batch`. There the locked operations on
/// the read buffer keep the processor from fetching several sessions at once; here each index
/// depends on the word before it.
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
