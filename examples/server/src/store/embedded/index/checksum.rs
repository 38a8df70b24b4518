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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_checksum_does_not_change() {
        assert_eq!(checksum(1, b""), 0x3142_c870_50ca_a327);
        assert_eq!(checksum(7, b"foobar and more"), 0xde3d_a387_7133_bdc5);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_change_is_found(bytes in proptest::collection::vec(any::<u8>(), 1..100), at: prop::sample::Index, flip in 1..=255_u8) {
            let sum = checksum(1, &bytes);
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= flip;
            prop_assert_ne!(checksum(1, &changed), sum);
            prop_assert_ne!(checksum(2, &bytes), sum);
            changed.clone_from(&bytes);
            changed.push(0);
            prop_assert_ne!(checksum(1, &changed), sum);
        }
    }
}
