//! What a reader makes of some bytes: of those commands that the servers read differently.

use super::chat::Chat;
use super::frame::{Frame, Head, i32_at, i64_at};
use super::{LISTED, Rules};
use crate::case::{Body, Decoded, Format, Hex, Verdict};

/// Bytes, and how they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) limit: u32,
    pub(crate) format: Format,
    /// A client sends them.
    pub(crate) external: bool,
}

/// What came out, in the fields of a wire case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) verdict: Verdict,
    pub(crate) consumed: Option<usize>,
    pub(crate) decoded: Option<Decoded>,
    pub(crate) reencoded_hex: Option<Hex>,
}

impl Read {
    pub(crate) fn failed(verdict: Verdict) -> Self {
        Self { verdict, consumed: None, decoded: None, reencoded_hex: None }
    }
}

/// The commands that the original takes from clients in version 2.
const OF_CLIENTS: [u8; 19] =
    [4, 5, 8, 13, 14, 15, 17, 18, 19, 20, 22, 24, 25, 26, 30, 34, 35, 37, 64];

pub(crate) fn is_of_clients(cmd: u8) -> bool {
    OF_CLIENTS.contains(&cmd)
}

impl Stream<'_> {
    pub(crate) fn read(&self, rules: Rules) -> Read {
        let Some(head) = Head::cut(self.bytes) else { return Read::failed(Verdict::Incomplete) };
        if !(0..i64::from(self.limit)).contains(&head.length.into()) {
            return Read::failed(Verdict::Length);
        }
        let lists_clients = rules == Rules::Original(Format::V2) && self.external;
        if lists_clients && !is_of_clients(head.frame.cmd) {
            return Read::failed(Verdict::Cmd);
        }
        let Some(frame) = head.whole() else { return Read::failed(Verdict::Incomplete) };
        if !LISTED.contains(&frame.cmd) {
            // What the original makes of it is in tables of its own.
            return ok(Verdict::Unlisted, frame, None, frame.body);
        }
        match self.body(rules, frame) {
            Some((body, written)) => ok(Verdict::Ok, frame, body, &written),
            None => Read::failed(Verdict::Parse),
        }
    }

    /// The fields of a body, and the body written again; `None` for one that does not fit.
    fn body(&self, rules: Rules, frame: Frame<'_>) -> Option<(Option<Body>, Vec<u8>)> {
        let Frame { cmd, version, body, .. } = frame;
        match (cmd, rules) {
            (3, _) => auth_status(body, version == 0 && rules != Rules::Original(Format::V2)),
            (5, _) => Some(self.ack(body, version > 1 && rules != Rules::Original(Format::V1))),
            (24 | 25, Rules::Original(Format::V2)) => Some((Some(Body::Ignored {}), Vec::new())),
            (37 | 64, Rules::Original(Format::V1)) => body.is_empty().then(|| (None, Vec::new())),
            (24 | 25 | 64, _) => chat(cmd, body),
            (37, _) => metadata(body),
            (27..=29, _) => {
                let key = i64_at(body, 0)?;
                Some((Some(Body::SyncKey { sync_key: key }), key.to_be_bytes().to_vec()))
            }
            // All servers read the others alike.
            _ => None,
        }
    }

    /// W5.3: what is missing is 0.
    fn ack(&self, body: &[u8], has_status: bool) -> (Option<Body>, Vec<u8>) {
        let ack_seq = i32_at(body, 0).unwrap_or(0);
        let status = body.get(4).filter(|_| has_status).copied().unwrap_or(0);
        let mut written = ack_seq.to_be_bytes().to_vec();
        written.extend(has_status.then_some(status));
        let status = (self.format == Format::V2).then(|| i8::from_be_bytes([status]));
        (Some(Body::Ack { ack_seq, status }), written)
    }
}

fn ok(verdict: Verdict, frame: Frame<'_>, body: Option<Body>, written: &[u8]) -> Read {
    let Frame { seq, cmd, version, flag, .. } = frame;
    Read {
        verdict,
        consumed: Some(Head::LEN + frame.body.len()),
        decoded: Some(Decoded { cmd, seq, version, flag, body }),
        reencoded_hex: Some(Frame { body: written, ..frame }.write()),
    }
}

/// The address is read only where it is said to follow, and not recorded in version 2.
fn auth_status(body: &[u8], has_ip: bool) -> Option<(Option<Body>, Vec<u8>)> {
    let written = body.get(..if has_ip { 8 } else { 4 })?;
    Some((Some(Body::AuthStatus { status: i32_at(body, 0)?, ip: None }), written.to_vec()))
}

fn chat(cmd: u8, body: &[u8]) -> Option<(Option<Body>, Vec<u8>)> {
    let Chat { ids, timestamp, content } = Chat::read(body)?;
    let [first, second, third, fourth] = ids;
    let content_hex = Hex(content.to_vec());
    let fields = if cmd == 64 {
        let (sender_appid, sender, receiver_appid, receiver) = (first, second, third, fourth);
        Body::CustomerV2 { sender_appid, sender, receiver_appid, receiver, timestamp, content_hex }
    } else {
        let (customer_appid, customer_id, store_id, seller_id) = (first, second, third, fourth);
        Body::Customer { customer_appid, customer_id, store_id, seller_id, timestamp, content_hex }
    };
    Some((Some(fields), body.to_vec()))
}

/// W10: 32 bytes, of which 16 say nothing.
fn metadata(body: &[u8]) -> Option<(Option<Body>, Vec<u8>)> {
    let keys = body.get(..32)?.get(..16)?;
    let fields = Body::Metadata { sync_key: i64_at(body, 0)?, prev_sync_key: i64_at(body, 8)? };
    Some((Some(fields), [keys, &[0; 16]].concat()))
}
