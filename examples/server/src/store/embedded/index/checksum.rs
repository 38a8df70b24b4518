//! Checksums of what is packed: `SQLite` has none of its own.

/// A checksum of bytes. It is stored, so it must not change.
///
/// Each step is a bijection for given bytes, so a change within eight bytes is always found, and
/// any other all but surely. The seed tells blocks from those of other runs.
pub(super) fn checksum(seed: i64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let ends = [last, length.to_le_bytes()];
    let sum = words.iter().chain(&ends).fold(seed.cast_unsigned(), |sum, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    sum ^ (sum >> 32)
}
