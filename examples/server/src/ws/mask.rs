//! The mask of what a client sends.

/// A mask, at its current position in a payload.
#[derive(Clone, Copy)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Unmasks the next bytes of the payload.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let Self(key) = self;
        let word = u32::from_ne_bytes(*key);
        let (words, rest) = bytes.as_chunks_mut();
        for bytes in words {
            *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(*key) {
            *byte ^= key;
        }
        key.rotate_left(rest.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_may_come_in_any_parts() {
        let masked: Vec<u8> = (0..40).collect();
        let key = [0x11, 0x22, 0x44, 0x88];
        let expected: Vec<u8> =
            masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for first in 0..20 {
            for second in first..40 {
                let (mut mask, mut bytes) = (Mask::new(key), masked.clone());
                mask.apply(&mut bytes[..first]);
                mask.apply(&mut bytes[first..second]);
                mask.apply(&mut bytes[second..]);
                assert_eq!(bytes, expected, "{first} {second}");
            }
        }
    }
}
