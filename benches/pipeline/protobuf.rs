//! prost, on a protobuf message with the same fields.
//!
//! It does the wire's work alone: a message in, typed, its content shared with the read buffer as the crate's is (`Bytes`), and
//! one message out. The crate's `effects`, which it stands beside, writes nothing but decides: who may say it, where the two
//! copies go, who is told what.

use std::hint::black_box;

use criterion::Criterion;
use kefu_bench::rig::{BATCH, Buffer, Known, Rig};
use prost::Message;
use prost::bytes::Bytes;

/// As protobuf would have it: the numbers of the header among the fields, small numbers as varints and large ones fixed, which
/// is the faster for each.
#[derive(Clone, Message)]
struct Chat {
    #[prost(int32, tag = "1")]
    seq: i32,
    #[prost(uint32, tag = "2")]
    command: u32,
    #[prost(uint32, tag = "3")]
    flags: u32,
    #[prost(int64, tag = "4")]
    customer_appid: i64,
    #[prost(sfixed64, tag = "5")]
    customer_id: i64,
    #[prost(int64, tag = "6")]
    store_id: i64,
    #[prost(sfixed64, tag = "7")]
    seller_id: i64,
    #[prost(sfixed32, tag = "8")]
    timestamp: i32,
    #[prost(bytes = "bytes", tag = "9")]
    content: Bytes,
}

pub(crate) fn measure(criterion: &mut Criterion, known: &Known, size: &str, content: usize) {
    let mut rig = Rig::of(frames(known, content));
    let (read, out) = rig.refill();
    pass(&mut read.clone().freeze(), &mut out.push.frame);
    assert!(read.starts_with(out.push.frame.written()), "what came in went out");
    criterion.bench_function(&format!("protobuf/{size}"), |bencher| {
        bencher.iter_custom(|messages| {
            rig.time(messages, |read, out| {
                // From shared bytes it decodes faster than from the read buffer itself.
                let mut read = read.split().freeze();
                for _ in 0..BATCH {
                    pass(&mut read, &mut out.push.frame);
                }
            })
        });
    });
}

/// One message from the read buffer to a write buffer.
fn pass(read: &mut Bytes, written: &mut Buffer) {
    let chat = Chat::decode_length_delimited(read).expect("a whole message");
    chat.encode_length_delimited(black_box(written.fresh())).expect("a Vec has room");
    black_box(written);
}

fn frames(known: &Known, content: usize) -> Vec<u8> {
    let chat = Chat {
        seq: 1,
        command: 24,
        flags: 1,
        customer_appid: known.appid,
        customer_id: known.uid,
        store_id: 3,
        seller_id: 4_289_442,
        timestamp: known.now,
        content: (b' '..=b'~').cycle().take(content).collect(),
    };
    (0..BATCH).flat_map(|_| chat.encode_length_delimited_to_vec()).collect()
}
