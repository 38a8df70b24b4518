//! Whole conversations of real clients, byte for byte, without a socket. The clock is the test's,
//! the msgids are the recorded ones.

use bytes::BytesMut;
use kefu_proto::UnixTime;

use super::memory::Server;

/// S1–S7, W7: an Android client of 2018: two users, three devices, a question and an answer.
#[test]
fn s2_the_android_client_of_2018_is_served_byte_for_byte() {
    let recorded = include_str!("recorded/android-2018.txt");
    // S2.9: line 41 begins where this connection's last answer ended, not at the kept key.
    let line = "41 customer < 00000008000000071b01000000000000000000";
    assert!(recorded.contains(&format!("{line}c0")));
    assert_eq!(replay(&recorded.replace(&format!("{line}c0"), &format!("{line}00"))), 51);
}

/// S1: a refused login has version 0 and 8 bytes, and the SYNC behind it is ignored.
#[test]
fn s1_a_refused_login_is_answered_and_the_rest_ignored() {
    assert_eq!(replay(include_str!("recorded/refused-login.txt")), 3);
}

/// The conversations at the end of the document; S1.8, S2.5, H7.4, H7.5, W7.4 and more in one; D2.1,
/// D2.3, D3.1, D3.2 in the other.
#[test]
fn the_conversations_of_the_document_are_what_happens() {
    let spec = include_str!("../../../src/spec.md");
    let conversations = spec.split("The conversation:\n\n```text\n").skip(1);
    let lines = conversations.map(|rest| replay(rest.split_once("```").unwrap().0));
    assert_eq!(lines.collect::<Vec<_>>(), [44, 41]);
}

/// W10.3, H14.4–H14.8, D4.2, D4.3, S2.9: an Android client of 2022, recorded on both sides. Within a
/// connection the frames come in the recorded order; between connections, and where two senders
/// meet (lines 81 to 95), the original's was chance.
#[test]
fn h14_4_the_android_client_of_2022_is_served_byte_for_byte() {
    let recorded = include_str!("recorded/android-2022-v2.txt");
    let lines: Vec<Line> = recorded.lines().map(Line::parse).collect();
    let mut server = Server::new(UnixTime::from_secs(NOW).unwrap());
    server.store.overhead = Some(104);
    for line in lines.iter().filter(|line| line.from_client) {
        server.receive(line.who, &line.frame);
    }
    let with_flags = |line: usize, flags| {
        let mut frame = lines[line - 1].frame.clone();
        frame[10] = flags;
        frame
    };
    for who in ["seller", "customer", "device2"] {
        let to_it = lines.iter().filter(|line| !line.from_client && line.who == who);
        let mut expected: Vec<_> = to_it.map(|line| line.frame.clone()).collect();
        if who == "customer" {
            // Line 53 asks from 0, and nothing of the queue has come but END 0: here that brings
            // the customer's own message and the reply, which the original's answer loses (S2.9).
            let begin = expected.iter().position(|frame| *frame == lines[53].frame).unwrap();
            expected.insert(begin + 1, with_flags(25, 0x08));
            expected.insert(begin + 2, with_flags(41, 0));
        }
        for (frame, seq) in expected.iter_mut().zip(1_i32..) {
            frame[4..8].copy_from_slice(&seq.to_be_bytes());
            assert_eq!(server.next_frame(who).as_ref(), Some(&*frame), "to {who}, {seq}");
        }
        assert_eq!(server.next_frame(who), None, "{who} got more than was recorded");
    }
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
