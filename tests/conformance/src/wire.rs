//! Replays a wire case: bytes read and written back.

use crate::case::WireCase;
use crate::difference::Differences;
use crate::reading::{Reading, Recorded};
use crate::reference::read::{Read, Stream};

pub(crate) fn replay(case: &WireCase, found: &mut Differences) {
    let stream = Stream {
        bytes: &case.hex.0,
        limit: case.limit,
        format: case.format(),
        external: case.external.unwrap_or(true),
    };
    let recorded = Recorded::Whole(Read {
        verdict: case.result,
        consumed: case.consumed,
        decoded: case.decoded.clone(),
        reencoded_hex: case.reencoded_hex.clone(),
    });
    Reading::of(&stream).check("result", &stream, &recorded, found);
}
