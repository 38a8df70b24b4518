//! Parsers of option values.

use std::num::ParseIntError;
use std::time::Duration;

use kefu_proto::{AppId, Config, FrameLimit};

pub(super) fn config(text: &str) -> Result<Config, String> {
    let id = text.parse().map_err(|error: ParseIntError| error.to_string())?;
    Config::new(AppId(id)).map_err(|error| error.to_string())
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=WEEK) => Ok(Duration::from_secs(seconds)),
        Ok(_) => Err(String::from("must be 1 to 604800, which is a week")),
        Err(error) => Err(error.to_string()),
    }
}

const WEEK: u64 = 7 * 24 * 60 * 60;

/// An even number survives no more losses than the odd one below it.
pub(super) fn replicas(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(replicas @ (1 | 3 | 5)) => Ok(replicas),
        _ => Err(String::from("must be 1, 3 or 5")),
    }
}

/// A login must fit, and what one connection may make the server hold should not be the machine.
pub(super) fn frame_limit(text: &str) -> Result<FrameLimit, String> {
    match text.parse() {
        Ok(limit @ 64..=0x0100_0000) => Ok(FrameLimit::new(limit)),
        Ok(_) => Err(String::from("must be 64 to 16777216")),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn ipv6_prefix(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(bits @ 1..=128) => Ok(bits),
        _ => Err(String::from("must be 1 to 128")),
    }
}

/// A scheme and a host, as browsers send it: in lower case, and without the scheme's own port.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let text = match text.split_once("://") {
        Some(("https", _)) => text.strip_suffix(":443").unwrap_or(&text),
        Some(("http", _)) => text.strip_suffix(":80").unwrap_or(&text),
        _ => "",
    };
    match text.split_once("://") {
        Some((_, host)) if !host.is_empty() && !host.contains(['/', ' ', '*', '@', '?', '#']) => {
            Ok(text.to_owned())
        }
        _ => Err(String::from("must be a scheme and a host, such as https://example.com")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_as_browsers_send_it() {
        for (text, expected) in [
            ("https://example.com", Some("https://example.com")),
            ("HTTPS://Example.com:443", Some("https://example.com")),
            ("http://example.com:80", Some("http://example.com")),
            ("http://example.com:443", Some("http://example.com:443")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("https://example.com/", None),
            ("https://", None),
            ("https://*.example.com", None),
            ("example.com", None),
            ("ftp://example.com", None),
            ("", None),
        ] {
            assert_eq!(origin(text).ok().as_deref(), expected, "{text}");
        }
    }
}
