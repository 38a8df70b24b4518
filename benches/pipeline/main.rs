//! What a message costs: the crate from the read buffer to written effects, each of its steps, the
//! floor for any code that copies the same bytes, and the alternatives.
//!
//! `cargo bench -p kefu-bench` measures everything and ends with a table of ratios. Look at these:
//! both sides of a ratio come from the same run. Times are per message, and the fastest of many: on
//! a busy machine fast batches are rarer, but no slower.

mod length_delimited;
mod mqtt;
mod protobuf;
mod sessions;

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use criterion::{Bencher, Criterion};
use kefu_bench::host::Host;
use kefu_bench::rig::{BATCH, KINDS, Known, Outputs, Rig, SIZES, TEXT};
use kefu_bench::watched::Watched;
use kefu_bench::{floor, ratios, results, rig};
use kefu_proto::{Encode, Message, Refusal};

fn main() -> io::Result<()> {
    let start = SystemTime::now();
    let results = results::dir();
    let mut criterion = Criterion::default()
        .output_directory(&results)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000)
        .configure_from_args();
    whole(&mut criterion);
    parts(&mut criterion);
    refusals(&mut criterion);
    sessions::measure(&mut criterion);
    watched(&mut criterion);
    criterion.final_summary();
    ratios::print(&results::times(&results, start))
}

/// `pipeline` and `floor`: from a buffer of frames to all effects applied. `shared` is the floor on
/// frames that share the buffer's memory, like the crate's. It shows how much of the difference is
/// the price of not copying the content.
fn whole(criterion: &mut Criterion) {
    let known = Known::default();
    let host = Host::new(&known);
    for (kind, flags) in KINDS {
        for (size, content) in SIZES {
            let mut rig = Rig::new(&known, known.uid, flags, content);
            assert_same_outputs(&known, &host, &mut rig);
            criterion.bench_function(&format!("floor/{kind}/{size}"), |bencher| {
                bencher.iter_custom(|messages| {
                    rig.time(messages, |read, out| floor::batch(&known, read, out, BATCH))
                });
            });
            criterion.bench_function(&format!("shared/{kind}/{size}"), |bencher| {
                bencher.iter_custom(|messages| {
                    rig.time(messages, |read, out| floor::shared_batch(&known, read, out, BATCH))
                });
            });
            criterion.bench_function(&format!("pipeline/{kind}/{size}"), |bencher| {
                bencher.iter_custom(|messages| {
                    rig.time(messages, |read, out| host.batch(read, out, BATCH))
                });
            });
        }
    }
}

/// `checker`: what a checker takes for all that it is told of a message, which is three events from
/// outside, and five with the store.
fn watched(criterion: &mut Criterion) {
    for (view, inside) in [("outside", false), ("inside", true)] {
        let mut watched = Watched::new(inside, 100);
        criterion.bench_function(&format!("checker/{view}"), |bencher| {
            bencher.iter_custom(|messages| {
                rig::time(messages, || {
                    watched.refill(BATCH);
                    let start = Instant::now();
                    watched.watch();
                    start.elapsed()
                })
            });
        });
    }
}

/// The comparison is valid only if all sides write the same bytes.
fn assert_same_outputs(known: &Known, host: &Host, rig: &mut Rig) {
    for frames in 1..=BATCH {
        let mut outputs = [(); 3].map(|()| Outputs::default());
        let (read, _) = rig.refill();
        floor::batch(known, read, &mut outputs[0], frames);
        host.batch(read, &mut outputs[1], frames);
        let (read, _) = rig.refill();
        floor::shared_batch(known, read, &mut outputs[2], frames);
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(outputs[0], outputs[2]);
        assert_ne!(outputs[0], Outputs::default());
    }
}

/// Each step of a persistent message, next to the alternatives that do the same work.
fn parts(criterion: &mut Criterion) {
    let known = Known::default();
    let host = Host::new(&known);
    for (size, content) in SIZES {
        let mut rig = Rig::new(&known, known.uid, TEXT, content);
        criterion.bench_function(&format!("effects/{size}"), |bencher| {
            bencher.iter_custom(|messages| rig.time(messages, |read, _| host.effects(read, BATCH)));
        });
        measure_v2(criterion, &known, &host, size, content);
        mqtt::measure(criterion, size, content);
        protobuf::measure(criterion, &known, size, content);
        // Includes dropping the frame, which releases its share of the read buffer. `black_box`
        // gets references, here and elsewhere, because it would copy a value first.
        criterion.bench_function(&format!("decode/{size}"), |bencher| {
            bencher.iter_custom(|messages| {
                rig.time(messages, |read, _| {
                    for _ in 0..BATCH {
                        black_box(&host.decoder.decode(read));
                    }
                })
            });
        });
        length_delimited::measure(criterion, &mut rig, size);
        let message = host.message(rig.refill().0);
        criterion.bench_function(&format!("handle/{size}"), |bencher| {
            time_handle(bencher, &host, &message);
        });
        criterion.bench_function(&format!("encode/{size}"), |bencher| {
            time_encode(bencher, &message);
        });
    }
}

/// A CUSTOMER_V2 in a store that knows what was the newest before, so with all six effects.
fn measure_v2(criterion: &mut Criterion, known: &Known, host: &Host, size: &str, content: usize) {
    let mut rig = Rig::v2(known, content);
    criterion.bench_function(&format!("effects-v2/{size}"), |bencher| {
        bencher.iter_custom(|messages| rig.time(messages, |read, _| host.effects(read, BATCH)));
    });
    criterion.bench_function(&format!("pipeline-v2/{size}"), |bencher| {
        bencher
            .iter_custom(|messages| rig.time(messages, |read, out| host.batch(read, out, BATCH)));
    });
}

/// Does not time cloning the message and dropping the delivery, which both change the reference
/// count of the read buffer.
fn time_handle(bencher: &mut Bencher<'_>, host: &Host, message: &Message) {
    let messages = || (0..BATCH).map(|_| message.clone()).collect::<Vec<_>>();
    let mut deliveries = messages()
        .into_iter()
        .map(|message| host.session.handle(message, host.now))
        .collect::<Vec<_>>();
    let mut batch = || {
        deliveries.clear();
        let messages = messages();
        let start = Instant::now();
        deliveries
            .extend(messages.into_iter().map(|message| host.session.handle(message, host.now)));
        start.elapsed()
    };
    bencher.iter_custom(|messages| rig::time(messages, &mut batch));
}

fn time_encode(bencher: &mut Bencher<'_>, message: &Message) {
    let mut buffers = Outputs::default();
    let mut batch = || {
        let start = Instant::now();
        for _ in 0..BATCH {
            let written = buffers.push.frame.fresh();
            black_box(message).encode(written).expect("what came in may go out");
            black_box(written);
        }
        start.elapsed()
    };
    bencher.iter_custom(|messages| rig::time(messages, &mut batch));
}

/// `refuse`: a message in another customer's name is decoded, parsed and refused. `parse` is the
/// part before the handler.
fn refusals(criterion: &mut Criterion) {
    let known = Known::default();
    let host = Host::new(&known);
    for (size, content) in SIZES {
        let mut rig = Rig::new(&known, known.uid + 1, TEXT, content);
        criterion.bench_function(&format!("parse/{size}"), |bencher| {
            bencher.iter_custom(|messages| {
                rig.time(messages, |read, _| {
                    for _ in 0..BATCH {
                        black_box(&host.message(read));
                    }
                })
            });
        });
        criterion.bench_function(&format!("refuse/{size}"), |bencher| {
            bencher.iter_custom(|messages| {
                rig.time(messages, |read, _| {
                    for _ in 0..BATCH {
                        let refusal = host.session.handle(host.message(read), host.now).err();
                        assert!(matches!(refusal, Some(Refusal::CustomerIdMismatch { .. })));
                    }
                })
            });
        });
    }
}
