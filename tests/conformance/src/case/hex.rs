//! Bytes as a case writes them.

use serde::{Deserialize, Serialize};

/// Bytes, written as lower-case hexadecimal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hex(pub Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = text.as_bytes().chunks(2).map(byte).collect::<Option<_>>();
        bytes.map(Self).ok_or_else(|| "not lower-case hexadecimal".to_owned())
    }
}

fn byte(pair: &[u8]) -> Option<u8> {
    let digit = |digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let &[high, low] = pair else { return None };
    Some(digit(high)? << 4 | digit(low)?)
}

impl From<Hex> for String {
    fn from(Hex(bytes): Hex) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
    }
}
