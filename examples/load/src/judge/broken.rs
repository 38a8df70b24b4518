//! A rule that the server has broken.

use std::fmt;

use kefu_proto::checker::Violation;
use serde::Serialize;

/// The first rule that was broken among the clients of a seller.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Broken {
    /// Its number in the document, such as `H7.4`.
    pub rule: String,
    /// The account of the seller.
    pub seller: String,
    /// What happened, with the ids.
    pub what: String,
}

impl Broken {
    /// `of` tells whose a connection is.
    pub(super) fn new(
        violation: &Violation,
        seller: String,
        of: impl Fn(u64) -> Option<String>,
    ) -> Self {
        let events: Vec<_> = violation.events().iter().map(ToString::to_string).collect();
        let what = format!("{} ({})", violation.explanation(), events.join("; "));
        Self { rule: violation.rule().to_owned(), seller, what: name_connections(&what, of) }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: with seller {}: {}", self.rule, self.seller, self.what)
    }
}

/// Adds whose they are to the connections in a text.
fn name_connections(text: &str, of: impl Fn(u64) -> Option<String>) -> String {
    const WORD: &str = "connection ";
    let mut numbers: Vec<u64> = text
        .split(WORD)
        .skip(1)
        .filter_map(|rest| rest.split(|end: char| !end.is_ascii_digit()).next()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let names = numbers.into_iter().filter_map(|number| Some((number, of(number)?)));
    names.fold(text.to_owned(), |text, (number, name)| format!("{text}; {WORD}{number} is {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_named_once_each() {
        let of = |number| (number < 10).then(|| format!("7/{number}"));
        let text = "connection 3 gets ACK (1: connection 12 sends; 4: connection 3 gets)";
        assert_eq!(name_connections(text, of), format!("{text}; connection 3 is 7/3"));
        assert_eq!(name_connections("connection", of), "connection");
    }
}
