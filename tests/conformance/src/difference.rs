//! What was expected and what came, so that the place where they part can be seen.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display};

use serde::Serialize;
use serde_json::Value;

use crate::case::Mark;

#[derive(Debug, Default)]
pub struct Differences {
    differences: Vec<Difference>,
    on_purpose: BTreeSet<Mark>,
}

impl Differences {
    /// Whether the two are equal is decided by the values; what is shown is their differing fields.
    pub(crate) fn compare<T>(&mut self, place: &str, expected: &T, came: &T)
    where
        T: Debug + PartialEq + Serialize,
    {
        if expected == came {
            return;
        }
        let before = self.differences.len();
        if let (Ok(expected), Ok(came)) =
            (serde_json::to_value(expected), serde_json::to_value(came))
        {
            self.descend(place, &expected, &came);
        }
        if self.differences.len() == before {
            self.note(place, format!("{expected:?}"), format!("{came:?}"));
        }
    }

    pub(crate) fn note(&mut self, place: &str, expected: impl Display, came: impl Display) {
        let (expected, came) = (expected.to_string(), came.to_string());
        self.differences.push(Difference { place: place.to_owned(), expected, came });
    }

    /// Something was expected that is not what was recorded.
    pub(crate) fn on_purpose(&mut self, mark: Mark) {
        self.on_purpose.insert(mark);
    }

    /// Why the case is not to end as recorded; nothing, if it is.
    pub(crate) fn purposes(&self) -> &BTreeSet<Mark> {
        &self.on_purpose
    }

    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// Goes down to the fields that differ: a whole message would hide them.
    fn descend(&mut self, place: &str, expected: &Value, came: &Value) {
        match (expected, came) {
            (Value::Object(expected), Value::Object(came)) => {
                let added = came.keys().filter(|&key| !expected.contains_key(key));
                for key in expected.keys().chain(added) {
                    let [expected, came] = [expected, came].map(|map| map.get(key));
                    let place = format!("{place}.{key}");
                    self.descend(&place, absent(expected), absent(came));
                }
            }
            (expected, came) if expected == came => {}
            (expected, came) => self.note(place, plain(expected), plain(came)),
        }
    }
}

fn absent(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

/// Text without quotation marks: most of it is hexadecimal.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differences.iter().try_for_each(|difference| Display::fmt(difference, f))
    }
}

#[derive(Debug)]
struct Difference {
    place: String,
    expected: String,
    came: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, came } = self;
        let alike = expected.chars().zip(came.chars()).take_while(|(a, b)| a == b).count();
        writeln!(f, "    {place}")?;
        writeln!(f, "        expected {}", window(expected, alike))?;
        writeln!(f, "        came     {}", window(came, alike))
    }
}

/// How many characters of a value are shown, and how many of them stand before the first
/// difference.
const SHOWN: usize = 72;
const BEFORE: usize = 16;

/// The part of a long value where the difference begins.
fn window(text: &str, alike: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return one_line(text);
    }
    let start = alike.saturating_sub(BEFORE).min(length.saturating_sub(BEFORE));
    let shown: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if length > start.saturating_add(SHOWN) { "…" } else { "" };
    format!("{before}{}{after} ({length} characters, from {start})", one_line(&shown))
}

/// Text from a file must not break a line or reach a terminal as a control sequence.
pub(crate) fn one_line(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escape).collect()
}
