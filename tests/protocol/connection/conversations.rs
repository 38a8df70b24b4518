//! Whole conversations of real clients, byte for byte, without a socket. The clock is the test's,
//! the msgids are the recorded ones.

use bytes::BytesMut;
use kefu_proto::UnixTime;

use super::memory::Server;

/// S1–S7, W7: an Android client of 2018: two users, three devices, a question and an answer.
#[test]
fn s2_the_android_client_of_2018_is_served_byte_for_byte() {
    assert_eq!(replay(include_str!("recorded/android-2018.txt")), 51);
}

/// S1: a refused login has version 0 and 8 bytes, and the SYNC behind it is ignored.
#[test]
fn s1_a_refused_login_is_answered_and_the_rest_ignored() {
    assert_eq!(replay(include_str!("recorded/refused-login.txt")), 3);
}

/// The conversation at the end of the document; S1.8, S2.5, H7.4, H7.5, W7.4 and more in one.
#[test]
fn the_conversation_of_the_document_is_what_happens() {
    let spec = include_str!("../../../src/spec.md");
    let (_, conversation) = spec.split_once("The conversation:\n\n```text\n").unwrap();
    let (conversation, _) = conversation.split_once("```").unwrap();
    assert_eq!(replay(conversation), 43);
}

/// Returns how many frames were compared or fed.
fn replay(conversation: &str) -> usize {
    let mut server = Server::new(UnixTime::from_secs(NOW).unwrap());
    let frames: Vec<Line> = conversation.lines().map(Line::parse).collect();
    for Line { who, from_client, frame } in &frames {
        if *from_client {
            server.receive(who, frame);
        } else {
            let (expected, came) = (format!("{frame:x}"), server.next_frame(who));
            assert_eq!(came.map(|frame| format!("{frame:x}")), Some(expected), "to {who}");
        }
    }
    for who in frames.iter().map(|line| line.who) {
        assert_eq!(server.next_frame(who), None, "{who} got more than was recorded");
    }
    frames.len()
}

/// The server's clock, and a client's, which nobody may see again (H4).
const NOW: i64 = 0x5b2c_7a10;
const SERVER_CLOCK: &str = "5b2c7a10";
const CLIENT_CLOCK: &str = "7fffffff";

struct Line<'t> {
    who: &'t str,
    from_client: bool,
    frame: BytesMut,
}

impl<'t> Line<'t> {
    /// `number who > hex remark`, where the number may be missing.
    fn parse(line: &'t str) -> Self {
        let mut words = line.split_whitespace().skip_while(|word| word.parse::<u32>().is_ok());
        let (who, direction, hex) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let hex = hex.replace("SSSSSSSS", SERVER_CLOCK).replace("TTTTTTTT", CLIENT_CLOCK);
        let from_client = match direction {
            ">" => true,
            "<" => false,
            other => panic!("no direction: {other}"),
        };
        Self { who, from_client, frame: bytes(&hex) }
    }
}

fn bytes(hex: &str) -> BytesMut {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}
