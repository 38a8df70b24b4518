//! The content of messages: JSON that names its message by run, customer and number.

use std::ops::Range;

/// The most customers: bounds the length of a uuid.
pub(crate) const MAX_CUSTOMERS: u32 = 1_000_000;
/// The most messages of one customer: as many as [`DIGITS`] can number from 0.
pub(crate) const MAX_NUMBER: u32 = 1_000_000_000;
/// The longest content that a client may send: 36 bytes precede it, and a body is shorter than
/// 32 KiB.
pub(crate) const MAX_SIZE: u16 = 32 * 1024 - 1 - 36;

const DIGITS: usize = 9;
const FRONT: &[u8] = br#"{"text":""#;
const MIDDLE: &[u8] = br#"","uuid":""#;
const END: &[u8] = br#""}"#;
const PADDING: u8 = b'x';

/// How a content names its message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `{"text":"xxx…","uuid":"<run>-<customer>-<number>"}`
    Marked,
    /// `{"text":"xxx… <run>-<customer>-<number>"}`: two of them are two messages (S10.1).
    Unmarked,
}

impl Form {
    const fn middle(self) -> &'static [u8] {
        match self {
            Self::Marked => MIDDLE,
            Self::Unmarked => b" ",
        }
    }
}

/// The contents of a run.
#[derive(Debug)]
pub(crate) struct Format {
    run: String,
    size: usize,
}

impl Format {
    pub(crate) const fn new(run: String, size: usize) -> Self {
        Self { run, size }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn uuid(&self, customer: u32, number: u32) -> String {
        format!("{}-{customer}-{number:0DIGITS$}", self.run)
    }

    /// The length of this customer's content without any padding.
    pub(crate) fn least(&self, customer: u32) -> usize {
        self.unpadded(customer, Form::Marked)
    }

    fn unpadded(&self, customer: u32, form: Form) -> usize {
        FRONT.len() + form.middle().len() + self.uuid(customer, 0).len() + END.len()
    }

    pub(crate) fn template(&self, customer: u32, form: Form) -> Template {
        let padding = self.size.saturating_sub(self.unpadded(customer, form));
        let mut bytes = FRONT.to_vec();
        bytes.resize(FRONT.len() + padding, PADDING);
        bytes.extend_from_slice(form.middle());
        bytes.extend_from_slice(self.uuid(customer, 0).as_bytes());
        let digits = bytes.len() - DIGITS..bytes.len();
        bytes.extend_from_slice(END);
        Template { bytes, digits }
    }

    /// The message that a content belongs to. `None` if another run or another client sent it.
    pub(crate) fn read(&self, content: &[u8]) -> Option<(Mark, Form)> {
        let (rest, number) = split_number(content.strip_suffix(END)?)?;
        let (rest, customer) = split_number(rest)?;
        let text = rest.strip_suffix(self.run.as_bytes())?;
        let form = if text.ends_with(MIDDLE) { Form::Marked } else { Form::Unmarked };
        let padding = text.strip_prefix(FRONT).and_then(|text| text.strip_suffix(form.middle()));
        let is_padding = padding.is_some_and(|text| text.iter().all(|&byte| byte == PADDING));
        let intact = is_padding && content.len() == self.size;
        Some((Mark { customer, number, intact }, form))
    }
}

/// The message of this run that a stored content belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    pub(crate) customer: u32,
    pub(crate) number: u32,
    /// Whether the content is as it was sent.
    pub(crate) intact: bool,
}

/// One customer's content, with room for the number.
#[derive(Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    digits: Range<usize>,
}

impl Template {
    /// The content of the customer's message `number`.
    pub(crate) fn numbered(&mut self, mut number: u32) -> &[u8] {
        for digit in self.bytes[self.digits.clone()].iter_mut().rev() {
            *digit = b'0' + (number % 10).to_le_bytes()[0];
            number /= 10;
        }
        &self.bytes
    }
}

/// Splits `-<number>` off the end.
fn split_number(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let dash = bytes.iter().rposition(|&byte| byte == b'-')?;
    let digits = &bytes[dash + 1..];
    if digits.is_empty() || digits.len() > DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Some((&bytes[..dash], number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(size: usize) -> Format {
        Format::new("0badcafe".into(), size)
    }

    #[test]
    fn a_content_has_exactly_its_size_and_can_be_read_back() {
        let forms = [Form::Marked, Form::Unmarked];
        let sizes = [47, 48, 100, usize::from(MAX_SIZE)];
        for (size, form) in sizes.into_iter().flat_map(|size| forms.map(|form| (size, form))) {
            for customer in [1, 42, MAX_CUSTOMERS] {
                let mut template = format(size).template(customer, form);
                for number in [0, 17, MAX_NUMBER - 1, 3] {
                    let content = template.numbered(number);
                    assert_eq!(content.len(), size);
                    let read = format(size).read(content);
                    assert_eq!(read, Some((Mark { customer, number, intact: true }, form)));
                }
            }
        }
    }

    #[test]
    fn a_content_is_json_with_a_uuid_or_without() {
        let mut template = format(46).template(31, Form::Marked);
        let content = template.numbered(1_234);
        assert_eq!(content, br#"{"text":"xxxx","uuid":"0badcafe-31-000001234"}"#);
        let mut template = format(46).template(31, Form::Unmarked);
        let content = template.numbered(1_234);
        assert_eq!(content, br#"{"text":"xxxxxxxxxxxxx 0badcafe-31-000001234"}"#);
        assert_eq!(format(46).least(31), 42);
    }

    #[test]
    fn contents_of_others_are_told_apart_from_altered_ones() {
        let read = |content: &str| format(46).read(content.as_bytes()).map(|(mark, _)| mark);
        let altered = Some(Mark { customer: 31, number: 7, intact: false });
        assert_eq!(read(r#"{"text":"xxyx","uuid":"0badcafe-31-000000007"}"#), altered);
        assert_eq!(read(r#"{"text":"xxx","uuid":"0badcafe-31-000000007"}"#), altered);
        assert_eq!(read(r#"{"text":"xxxx","uuid":"0badcaff-31-000000007"}"#), None);
        assert_eq!(read(r#"{"text":"hello","uuid":"u-customer-hello"}"#), None);
        assert_eq!(read(r#"{"text":"hello"}"#), None);
        assert_eq!(read(r#"-99999999999-1"}"#), None);
        assert_eq!(format(46).read(b"\xff\xfe"), None);
    }
}
