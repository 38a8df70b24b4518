//! The mark by which a repeat is known (S10.1).

/// The `uuid` of a content that is a JSON object (S10.1), as it is written there: without its
/// quotes, escapes as they are. `None` where there is none, or where it is empty or no string.
///
/// Of several, the last counts, as in most JSON libraries. An object that ends too early has none;
/// what else is wrong in it is not noticed.
///
/// ```
/// use kefu_proto::checker::uuid;
///
/// assert_eq!(uuid(br#"{"text":"hi","uuid":"a-1"}"#), Some(&b"a-1"[..]));
/// assert_eq!(uuid(br#"{"text":{"uuid":"inside"}}"#), None);
/// assert_eq!(uuid(b"hi"), None);
/// ```
#[must_use]
pub fn uuid(content: &[u8]) -> Option<&[u8]> {
    let mut scanner = Scanner { rest: content.trim_ascii() };
    scanner.expect(b'{')?;
    let (mut mark, mut depth) = (None, 1_u32);
    let mut key = None;
    while depth > 0 {
        let (byte, rest) = scanner.rest.trim_ascii_start().split_first()?;
        scanner.rest = rest;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let string = scanner.string()?;
                match key.take() {
                    Some(key) => mark = (key == b"uuid").then_some(string).or(mark),
                    _ if depth == 1 && scanner.expect(b':').is_some() => key = Some(string),
                    _ => {}
                }
                continue;
            }
            _ => {}
        }
        // A value that is no string.
        if key.take() == Some(b"uuid") {
            mark = None;
        }
    }
    mark.filter(|mark| !mark.is_empty() && scanner.rest.is_empty())
}

struct Scanner<'c> {
    rest: &'c [u8],
}

impl<'c> Scanner<'c> {
    /// This byte, if it comes next.
    fn expect(&mut self, byte: u8) -> Option<()> {
        let rest = self.rest.trim_ascii_start();
        self.rest = rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// The rest of a string, without its quote.
    fn string(&mut self) -> Option<&'c [u8]> {
        let mut escaped = false;
        let end = self.rest.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })?;
        let (string, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Some(string)
    }
}
