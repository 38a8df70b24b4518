//! prost, on a protobuf message with the same fields.
//!
//! It only reads and writes: one typed message in, with the content shared with the read buffer as
//! in the crate (`Bytes`), and one message out. The crate's `effects`, to which it is compared,
//! writes nothing but decides: who may write, where the two copies go, who is notified.

use std::hint::black_box;

use criterion::Criterion;
use kefu_bench::rig::{BATCH, Buffer, Known, Rig};
use prost::Message;
use prost::bytes::Bytes;

/// The header's numbers are fields. Small numbers are varints and large ones fixed: each is faster
/// that way.
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
                // prost decodes `Bytes` faster than `BytesMut`.
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
