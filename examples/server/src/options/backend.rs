//! Where messages are kept.

use std::convert::Infallible;
use std::str::FromStr;

/// Where messages are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Backend {
    /// In the data folder.
    Embedded,
    /// On NATS, at these addresses.
    Nats(String),
}

impl FromStr for Backend {
    type Err = Infallible;

    /// Accepts any text: clap would show a wrong one with its secrets, so `Options` checks it
    /// later.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "embedded" { Self::Embedded } else { Self::Nats(text.into()) })
    }
}
