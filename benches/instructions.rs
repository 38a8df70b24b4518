//! Instructions of each step, counted by valgrind for one batch of messages after a warm-up batch.
//! Unlike times, counts do not depend on the load of the machine.
//!
//! `cargo run -p kefu-bench -- counts` runs this and compares with the counts on record.

#![allow(unused_qualifications, reason = "in the output of gungraun's macros")]

use std::hint::black_box;

use gungraun::prelude::*;
use kefu_bench::floor;
use kefu_bench::host::Host;
use kefu_bench::rig::{BATCH, Known, Outputs, Rig, TEXT, UNPERSISTENT};
use kefu_bench::watched::Watched;
use kefu_proto::{Delivery, Encode, Message, Refusal};

/// Both sides of the comparison, and the frames in the read buffer.
struct Batch {
    known: Known,
    host: Host,
    rig: Rig,
}

impl Batch {
    fn new(stranger: i64, flags: u8, content: usize) -> Self {
        let known = Known::default();
        let rig = Rig::new(&known, known.uid + stranger, flags, content);
        Self::of(known, rig, |known, read, out| {
            floor::batch(known, read, out, if stranger == 0 { BATCH } else { 0 });
        })
    }

    /// Warms up: the read buffer becomes shared, and all memory is touched once.
    fn of(known: Known, mut rig: Rig, touch: impl Fn(&Known, &[u8], &mut Outputs)) -> Self {
        let host = Host::new(&known);
        let (read, out) = rig.refill();
        touch(&known, &read.clone(), out);
        for _ in 0..BATCH {
            drop(host.message(read));
        }
        rig.refill();
        Self { known, host, rig }
    }
}

fn persistent(content: usize) -> Batch {
    Batch::new(0, TEXT, content)
}

fn transient(content: usize) -> Batch {
    Batch::new(0, TEXT | UNPERSISTENT, content)
}

fn stranger(content: usize) -> Batch {
    Batch::new(1, TEXT, content)
}

fn v2(content: usize) -> Batch {
    let known = Known::default();
    let host = Host::new(&known);
    Batch::of(known, Rig::v2(&known, content), |_, read, out| {
        host.batch(&mut read.into(), out, BATCH);
    })
}

#[library_benchmark(setup = persistent)]
#[bench::content_100(100)]
fn decode(mut batch: Batch) -> Batch {
    let (read, _) = batch.rig.filled();
    for _ in 0..BATCH {
        black_box(&batch.host.decoder.decode(read));
    }
    batch
}

#[library_benchmark(setup = persistent)]
#[bench::content_100(100)]
fn parse(mut batch: Batch) -> Batch {
    let (read, _) = batch.rig.filled();
    for _ in 0..BATCH {
        black_box(&batch.host.message(read));
    }
    batch
}

#[library_benchmark(setup = persistent)]
#[bench::content_16(16)]
#[bench::content_100(100)]
#[bench::content_32731(32731)]
fn effects(mut batch: Batch) -> Batch {
    let (read, _) = batch.rig.filled();
    batch.host.effects(read, BATCH);
    batch
}

#[library_benchmark(setup = v2)]
#[bench::content_100(100)]
fn effects_v2(mut batch: Batch) -> Batch {
    let (read, _) = batch.rig.filled();
    batch.host.effects(read, BATCH);
    batch
}

#[library_benchmark(setup = stranger)]
#[bench::content_100(100)]
fn refuse(mut batch: Batch) -> Batch {
    let (read, _) = batch.rig.filled();
    for _ in 0..BATCH {
        let refusal = batch.host.session.handle(batch.host.message(read), batch.host.now).err();
        assert!(matches!(refusal, Some(Refusal::CustomerIdMismatch { .. })));
    }
    batch
}

#[library_benchmark]
#[bench::persistent_100(args = (100), setup = persistent)]
#[bench::transient_100(args = (100), setup = transient)]
fn pipeline(mut batch: Batch) -> Batch {
    let (read, out) = batch.rig.filled();
    batch.host.batch(read, out, BATCH);
    batch
}

#[library_benchmark(setup = v2)]
#[bench::content_100(100)]
fn pipeline_v2(mut batch: Batch) -> Batch {
    let (read, out) = batch.rig.filled();
    batch.host.batch(read, out, BATCH);
    batch
}

#[library_benchmark]
#[bench::persistent_100(args = (100), setup = persistent)]
#[bench::transient_100(args = (100), setup = transient)]
fn hand_written(mut batch: Batch) -> Batch {
    let (read, out) = batch.rig.filled();
    floor::batch(&batch.known, read, out, BATCH);
    batch
}

/// Parsed messages, and room for the results of `handle` and `encode`.
struct Parsed {
    host: Host,
    messages: Vec<Message>,
    deliveries: Vec<Option<Delivery>>,
    written: Vec<u8>,
}

fn parsed(content: usize) -> Parsed {
    let mut batch = persistent(content);
    let (read, _) = batch.rig.filled();
    let messages: Vec<_> = (0..BATCH).map(|_| batch.host.message(read)).collect();
    let deliveries = Vec::with_capacity(messages.len());
    Parsed { host: batch.host, messages, deliveries, written: Vec::with_capacity(2 * content) }
}

#[library_benchmark(setup = parsed)]
#[bench::content_100(100)]
fn handle(mut parsed: Parsed) -> Parsed {
    let Parsed { host, messages, deliveries, .. } = &mut parsed;
    let handled = messages.drain(..).map(|message| host.session.handle(message, host.now).ok());
    deliveries.extend(handled);
    parsed
}

#[library_benchmark(setup = parsed)]
#[bench::content_100(100)]
fn encode(mut parsed: Parsed) -> Parsed {
    let Parsed { messages, written, .. } = &mut parsed;
    for message in messages {
        written.clear();
        black_box(message).encode(written).expect("what came in may go out");
        black_box(&mut *written);
    }
    parsed
}

/// A checker that watches from outside, or from inside as well.
fn watched(inside: bool) -> Watched {
    let mut watched = Watched::new(inside, 100);
    // More than it remembers.
    for _ in 0..100 {
        watched.refill(BATCH);
        watched.watch();
    }
    watched.refill(BATCH);
    watched
}

#[library_benchmark(setup = watched)]
#[bench::outside(false)]
#[bench::inside(true)]
fn checker(mut watched: Watched) -> Watched {
    watched.watch();
    watched
}

library_benchmark_group!(
    name = counts,
    benchmarks = [
        decode,
        parse,
        handle,
        effects,
        effects_v2,
        encode,
        refuse,
        pipeline,
        pipeline_v2,
        hand_written,
        checker
    ]
);
main!(library_benchmark_groups = counts);
