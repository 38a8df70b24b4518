//! Packets: a type and data. Over WebSocket each is a message of its own.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use data_encoding::BASE64;

/// A packet from a client.
#[derive(Debug, Eq, PartialEq)]
pub enum Packet<'p> {
    /// A message in bytes.
    Message(Cow<'p, [u8]>),
    /// A ping, and the packet that answers it.
    Ping { pong: String },
    /// The client closes the connection.
    Close,
    /// A packet without a meaning here. Upgrade and noop belong to polling; open and pong are what
    /// only a server says.
    Ignored,
}

/// Reads a packet that came as text. `None` if it is a message in text, or no packet at all.
pub fn parse_text(packet: &str) -> Option<Packet<'_>> {
    let (kind, data) = packet.split_at_checked(1)?;
    match kind {
        "b" => {
            let message = BASE64.decode(data.strip_prefix('4')?.as_bytes()).ok()?;
            Some(Packet::Message(message.into()))
        }
        "1" => Some(Packet::Close),
        "2" => Some(Packet::Ping { pong: format!("3{data}") }),
        "0" | "3" | "5" | "6" => Some(Packet::Ignored),
        _ => None,
    }
}

/// Reads a packet that came in bytes. `None` if it is no message.
pub fn parse_binary(packet: &[u8]) -> Option<Packet<'_>> {
    match packet {
        [MESSAGE, message @ ..] => Some(Packet::Message(message.into())),
        _ => None,
    }
}

/// The type of a message, where the packet is bytes.
pub const MESSAGE: u8 = 4;

/// The length of a message's packet in its longer form: base64.
pub const fn encoded_len(data: usize) -> usize {
    data.div_ceil(3).saturating_mul(4).saturating_add(2)
}

/// The first packet of a server, which tells the client how often to ping.
pub fn open(idle_timeout: Duration) -> String {
    // The id is unique and nothing else: no request is served by it.
    let sid = RandomState::new().hash_one(());
    let interval = PING_INTERVAL.min(idle_timeout / 2).as_millis();
    let timeout = PING_TIMEOUT.as_millis();
    format!(
        r#"0{{"sid":"{sid:016x}","upgrades":[],"pingInterval":{interval},"pingTimeout":{timeout}}}"#
    )
}

/// How often a client pings, unless it had to be heard more often.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long a client waits for a pong.
const PING_TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_as_bytes_or_as_base64() {
        for (parsed, data) in [
            (parse_binary(b"\x04\0\xff4"), &b"\0\xff4"[..]),
            (parse_binary(b"\x04"), b""),
            (parse_text("b4AP80"), b"\0\xff4"),
            (parse_text("b4AP8="), b"\0\xff"),
            (parse_text("b4"), b""),
        ] {
            assert_eq!(parsed, Some(Packet::Message(data.into())));
        }
    }

    #[test]
    fn a_ping_is_answered_with_its_data() {
        for (ping, answer) in [("2", "3"), ("2probe", "3probe"), ("2é", "3é")] {
            assert_eq!(parse_text(ping), Some(Packet::Ping { pong: answer.to_owned() }));
        }
    }

    #[test]
    fn what_only_polling_or_a_server_needs_is_ignored() {
        for packet in ["0{}", "3", "3probe", "5", "6"] {
            assert_eq!(parse_text(packet), Some(Packet::Ignored), "{packet}");
        }
    }

    #[test]
    fn anything_else_ends_the_connection() {
        assert_eq!(parse_text("1"), Some(Packet::Close));
        let wrong = ["", "4hello", "7", "b", "bb", "b1", "b2AP80", "é", "\u{4}"];
        let no_base64 = ["b4AP8", "b4AP80!", "b4AP8-", "b4 AP80", "b4AP9=", "b4é"];
        for packet in wrong.iter().chain(&no_base64) {
            assert_eq!(parse_text(packet), None, "{packet:?}");
        }
        for packet in ["", "4", "\u{2}", "\u{5}", "b4AP80"] {
            assert_eq!(parse_binary(packet.as_bytes()), None, "{packet:?}");
        }
    }

    #[test]
    fn the_longest_form_of_a_message_is_known() {
        for data in 0..10 {
            let packet = format!("b4{}", BASE64.encode(&vec![0; data]));
            assert_eq!(encoded_len(data), packet.len());
        }
    }

    #[test]
    fn the_open_packet_asks_for_pings_in_time_and_each_has_its_own_id() {
        let [first, second] = [360, 360].map(|seconds| open(Duration::from_secs(seconds)));
        assert!(first.starts_with(r#"0{"sid":""#), "{first}");
        assert!(first.ends_with(r#"","upgrades":[],"pingInterval":25000,"pingTimeout":60000}"#));
        assert_ne!(first, second);
        assert!(open(Duration::from_secs(3)).contains(r#""pingInterval":1500,"#));
    }
}
