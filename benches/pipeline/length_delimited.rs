//! tokio-util's `LengthDelimitedCodec`, on the crate's own frames.
//!
//! It does less than `decode`, to which it is compared: it reads the length and splits the frame
//! off. It does not read the rest of the header, and its frame is a `BytesMut`, which is not yet a
//! slice that can be shared (`Bytes`).

use std::hint::black_box;

use criterion::Criterion;
use kefu_bench::rig::{BATCH, Rig};
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

pub(crate) fn measure(criterion: &mut Criterion, rig: &mut Rig, size: &str) {
    let mut codec = LengthDelimitedCodec::builder()
        .length_field_type::<u32>()
        // The length counts the body only, which starts 8 bytes after the length field.
        .length_adjustment(8)
        .new_codec();
    let frame = codec.decode(rig.refill().0).expect("no length is refused");
    assert_eq!(
        frame.expect("a whole frame")[..4],
        1_u32.to_be_bytes(),
        "the seq follows the length"
    );
    criterion.bench_function(&format!("length-delimited/{size}"), |bencher| {
        bencher.iter_custom(|messages| {
            rig.time(messages, |read, _| {
                for _ in 0..BATCH {
                    black_box(&codec.decode(read));
                }
            })
        });
    });
}
