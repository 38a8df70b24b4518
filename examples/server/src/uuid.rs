//! The `uuid` in a message's content, by which a repeated message is recognised (S10.1).

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The top-level string field `uuid` of a content that is a JSON object.
///
/// `None` where it is missing, empty, given twice or of another type, and where the content is not
/// JSON.
pub fn find(content: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Marked<'c> {
        #[serde(borrow)]
        uuid: Cow<'c, str>,
    }

    // Serde reads a struct from a JSON array, too.
    let first = content.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first != b'{' {
        return None;
    }
    let Marked { uuid } = serde_json::from_slice(content).ok()?;
    (!uuid.is_empty()).then_some(uuid)
}

/// 43 ASCII characters in place of a uuid of any length.
pub fn digest(uuid: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_top_level_string_is_a_uuid() {
        let found = |content: &str| find(content.as_bytes()).map(Cow::into_owned);
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
            assert_eq!(find(content), None, "{content:?}");
        }
    }

    #[test]
    fn a_digest_does_not_change() {
        // A test vector of SHA-256: ba7816bf 8f01cfea ...
        assert_eq!(digest("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
