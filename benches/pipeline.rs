//! What a message costs: the crate from read buffer to written effects, its parts, and the floor below which no code that
//! copies the same bytes can get.
//!
//! `cargo bench --bench pipeline` measures everything and ends with a table of the ratios, which are what to look at: both
//! sides of one have been measured right after each other, on the same memory. Times are per message.

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
use std::time::{Duration, SystemTime};

use criterion::{BatchSize, Criterion};
use kefu_proto::{Encode, Refusal};

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
                rig.time(bencher, |read, out, frames| floor::batch(&known, read, out, frames));
            });
            criterion.bench_function(&format!("shared/{kind}/{size}"), |bencher| {
                rig.time(bencher, |read, out, frames| {
                    floor::shared_batch(&known, read, out, frames);
                });
            });
            criterion.bench_function(&format!("pipeline/{kind}/{size}"), |bencher| {
                rig.time(bencher, |read, out, frames| host.batch(read, out, frames));
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
            rig.time(bencher, |read, _, frames| {
                for _ in 0..frames {
                    black_box(&host.decoder.decode(read));
                }
            });
        });
        criterion.bench_function(&format!("effects/{size}"), |bencher| {
            rig.time(bencher, |read, _, frames| host.effects(read, frames));
        });
        let message = host.message(rig.refill().0);
        // Cloning the message and dropping the delivery, which both touch the read buffer's share count, are not timed.
        criterion.bench_function(&format!("handle/{size}"), |bencher| {
            bencher.iter_batched(
                || message.clone(),
                |message| host.session.handle(message, host.now),
                BatchSize::NumIterations(BATCH),
            );
        });
        let mut written = Vec::new();
        criterion.bench_function(&format!("encode/{size}"), |bencher| {
            bencher.iter(|| {
                written.clear();
                black_box(&message).encode(&mut written).expect("what came in may go out");
                black_box(&mut written);
            });
        });
    }
}

/// `refuse`: a message in another customer's name, decoded, parsed and refused. `parse` is the part before the handler.
fn refusals(criterion: &mut Criterion) {
    let known = Known::new();
    let host = Host::new(&known);
    for (size, content) in SIZES {
        let mut rig = Rig::new(&known, known.uid + 1, TEXT, content);
        criterion.bench_function(&format!("parse/{size}"), |bencher| {
            rig.time(bencher, |read, _, frames| {
                for _ in 0..frames {
                    black_box(&host.message(read));
                }
            });
        });
        criterion.bench_function(&format!("refuse/{size}"), |bencher| {
            rig.time(bencher, |read, _, frames| {
                for _ in 0..frames {
                    let refusal = host.session.handle(host.message(read), host.now).err();
                    assert!(matches!(refusal, Some(Refusal::CustomerIdMismatch { .. })));
                }
            });
        });
    }
}
