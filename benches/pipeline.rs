//! What a message costs: the crate from read buffer to written effects, its parts, and the floor below which no code that
//! copies the same bytes can get.
//!
//! `cargo bench --bench pipeline` measures everything and ends with a table of the ratios, which are what to look at: both
//! sides of one have been measured right after each other, on the same memory. Times are per message, and the fastest of many:
//! a busy machine makes them rarer, not longer.

#[path = "pipeline/floor.rs"]
mod floor;
#[path = "pipeline/host.rs"]
mod host;
#[path = "pipeline/ratios.rs"]
mod ratios;
#[path = "pipeline/rig.rs"]
mod rig;

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use criterion::{Bencher, Criterion};
use kefu_proto::{Encode, Message, Refusal};

use crate::host::Host;
use crate::rig::{BATCH, KINDS, Known, Outputs, Rig, SIZES, TEXT};

fn main() -> io::Result<()> {
    let start = SystemTime::now();
    let results = ratios::results_dir();
    let mut criterion = Criterion::default()
        .output_directory(&results)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .nresamples(10_000)
        .configure_from_args();
    whole(&mut criterion);
    parts(&mut criterion);
    refusals(&mut criterion);
    criterion.final_summary();
    ratios::print(&results, start)
}

/// `pipeline` and `floor`: from a buffer of frames to all effects applied. `shared` is the floor on frames that share the
/// buffer's memory, like the crate's: what of the difference is the price of not copying the content.
fn whole(criterion: &mut Criterion) {
    let known = Known::new();
    let host = Host::new(&known);
    for (kind, flags) in KINDS {
        for (size, content) in SIZES {
            let mut rig = Rig::new(&known, known.uid, flags, content);
            assert_same_outputs(&known, &host, &mut rig);
            criterion.bench_function(&format!("floor/{kind}/{size}"), |bencher| {
                rig.time(bencher, |read, out| floor::batch(&known, read, out, BATCH));
            });
            criterion.bench_function(&format!("shared/{kind}/{size}"), |bencher| {
                rig.time(bencher, |read, out| floor::shared_batch(&known, read, out, BATCH));
            });
            criterion.bench_function(&format!("pipeline/{kind}/{size}"), |bencher| {
                rig.time(bencher, |read, out| host.batch(read, out, BATCH));
            });
        }
    }
}

/// The comparison means something only as long as all sides do the same.
fn assert_same_outputs(known: &Known, host: &Host, rig: &mut Rig) {
    for frames in 1..=BATCH {
        let mut outputs = [(); 3].map(|()| Outputs::new());
        let (read, _) = rig.refill();
        floor::batch(known, read, &mut outputs[0], frames);
        host.batch(read, &mut outputs[1], frames);
        let (read, _) = rig.refill();
        floor::shared_batch(known, read, &mut outputs[2], frames);
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(outputs[0], outputs[2]);
        assert_ne!(outputs[0], Outputs::new());
    }
}

/// The steps by themselves, for a persistent message.
fn parts(criterion: &mut Criterion) {
    let known = Known::new();
    let host = Host::new(&known);
    for (size, content) in SIZES {
        let mut rig = Rig::new(&known, known.uid, TEXT, content);
        // With the frame's way back: dropping it gives up its share of the read buffer. By reference, here and elsewhere: a
        // black box that takes a value copies it first.
        criterion.bench_function(&format!("decode/{size}"), |bencher| {
            rig.time(bencher, |read, _| {
                for _ in 0..BATCH {
                    black_box(&host.decoder.decode(read));
                }
            });
        });
        criterion.bench_function(&format!("effects/{size}"), |bencher| {
            rig.time(bencher, |read, _| host.effects(read, BATCH));
        });
        let message = host.message(rig.refill().0);
        criterion.bench_function(&format!("handle/{size}"), |bencher| {
            time_handle(bencher, &host, &message);
        });
        criterion.bench_function(&format!("encode/{size}"), |bencher| {
            time_encode(bencher, &message);
        });
    }
}

/// Cloning the message and dropping the delivery, which both touch the share count of the read buffer, are not timed.
fn time_handle(bencher: &mut Bencher<'_>, host: &Host, message: &Message) {
    let messages = || (0..BATCH).map(|_| message.clone()).collect::<Vec<_>>();
    let mut deliveries = messages()
        .into_iter()
        .map(|message| host.session.handle(message, host.now))
        .collect::<Vec<_>>();
    rig::time(bencher, || {
        deliveries.clear();
        let messages = messages();
        let start = Instant::now();
        deliveries
            .extend(messages.into_iter().map(|message| host.session.handle(message, host.now)));
        start.elapsed()
    });
}

fn time_encode(bencher: &mut Bencher<'_>, message: &Message) {
    let mut written = Vec::new();
    rig::time(bencher, || {
        let start = Instant::now();
        for _ in 0..BATCH {
            written.clear();
            black_box(message).encode(&mut written).expect("what came in may go out");
            black_box(&mut written);
        }
        start.elapsed()
    });
}

/// `refuse`: a message in another customer's name, decoded, parsed and refused. `parse` is the part before the handler.
fn refusals(criterion: &mut Criterion) {
    let known = Known::new();
    let host = Host::new(&known);
    for (size, content) in SIZES {
        let mut rig = Rig::new(&known, known.uid + 1, TEXT, content);
        criterion.bench_function(&format!("parse/{size}"), |bencher| {
            rig.time(bencher, |read, _| {
                for _ in 0..BATCH {
                    black_box(&host.message(read));
                }
            });
        });
        criterion.bench_function(&format!("refuse/{size}"), |bencher| {
            rig.time(bencher, |read, _| {
                for _ in 0..BATCH {
                    let refusal = host.session.handle(host.message(read), host.now).err();
                    assert!(matches!(refusal, Some(Refusal::CustomerIdMismatch { .. })));
                }
            });
        });
    }
}
