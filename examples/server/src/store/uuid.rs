//! By what a repeated message is known (S10.1).

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The top-level string field `uuid` of a JSON object. Anything else has none: a field of another
/// type, a field given twice, an empty one, bytes that are no JSON.
pub fn uuid(content: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Marked<'c> {
        #[serde(borrow)]
        uuid: Cow<'c, str>,
    }

    // An array would do for a struct, too.
    let first = content.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first != b'{' {
        return None;
    }
    let Marked { uuid } = serde_json::from_slice(content).ok()?;
    (!uuid.is_empty()).then_some(uuid)
}

/// Stands for a uuid where there is room for 43 characters, and not for any bytes.
pub fn digest(uuid: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_top_level_string_is_a_uuid() {
        let found = |content: &str| uuid(content.as_bytes()).map(Cow::into_owned);
        assert_eq!(found(r#"{"uuid":"a-1"}"#).as_deref(), Some("a-1"));
        assert_eq!(
            found(" {\"text\":\"\u{5728}\", \"uuid\" : \"\\u0061\"} ").as_deref(),
            Some("a")
        );
        assert_eq!(found(r#"{"x":{"uuid":"in"},"\u0075uid":"out"}"#).as_deref(), Some("out"));
    }

    #[test]
    fn nothing_else_is() {
        for content in [
            &b""[..],
            b"\xff\xfe",
            b"hello",
            br#"["a-1"]"#,
            br#""uuid""#,
            br#"{"uuid":1}"#,
            br#"{"uuid":null}"#,
            br#"{"uuid":""}"#,
            br#"{"uuid":"a","uuid":"b"}"#,
            br#"{"x":{"uuid":"a"}}"#,
            br#"{"text":"\"uuid\":\"a\""}"#,
            br#"{"uuid":"a""#,
            br#"{"uuid":"a"} x"#,
            b"{\"uuid\":\"\xff\"}",
        ] {
            assert_eq!(uuid(content), None, "{content:?}");
        }
    }

    #[test]
    fn a_digest_does_not_change() {
        // A test vector of SHA-256: ba7816bf 8f01cfea ...
        assert_eq!(digest("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
