//! Numbers in as few bytes as they need: seven bits a byte, the lowest first (LEB128).

/// The most bytes of a number.
pub(super) const MOST: usize = 10;

pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        bytes.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    bytes.push(low);
}

/// Takes a number from the front; `None` if there is none.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Signed numbers as unsigned ones that are small if the number is near zero.
pub(super) const fn zigzag(number: i64) -> u64 {
    (number << 1).cast_unsigned() ^ (number >> 63).cast_unsigned()
}

pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_put_is_taken(number: u64, shift in 0..64_u32, rest: Vec<u8>) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            prop_assert!(bytes.len() <= MOST);
            bytes.extend(&rest);
            let mut left = &bytes[..];
            prop_assert_eq!(take(&mut left), Some(number));
            prop_assert_eq!(left, rest);
        }

        #[test]
        fn signs_are_kept(number: i64, shift in 0..64_u32) {
            prop_assert_eq!(unzigzag(zigzag(number >> shift)), number >> shift);
        }
    }

    #[test]
    fn a_number_ends() {
        assert_eq!(take(&mut &[][..]), None);
        assert_eq!(take(&mut &[0x80][..]), None);
        assert_eq!(take(&mut &[0x80; 20][..]), None);
    }

    #[test]
    fn numbers_near_zero_are_short() {
        assert_eq!([0, -1, 1, -64, 63].map(zigzag), [0, 1, 2, 127, 126]);
    }
}
