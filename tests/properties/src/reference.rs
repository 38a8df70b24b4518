//! What a connection has to write, by the protocol's document alone: a second reading of it, byte by
//! byte, with which the library is compared.

use kefu_proto::Dialect;

pub(crate) const METADATA: u8 = 37;
pub(crate) const ACK: u8 = 5;
pub(crate) const CUSTOMER: u8 = 24;
pub(crate) const CUSTOMER_SUPPORT: u8 = 25;
pub(crate) const CUSTOMER_V2: u8 = 64;
const AUTH_STATUS: u8 = 3;
const SYNC_BEGIN: u8 = 27;
const SYNC_END: u8 = 28;
const SYNC_NOTIFY: u8 = 29;

/// W8: what only a server may say with a flag.
pub(crate) const OF_SERVERS: u8 = 0x08 | 0x10 | 0x20;
const SELF: u8 = 0x08;

/// A connection after its login.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) kefu_appid: i64,
    pub(crate) account: [i64; 2],
    pub(crate) device_id: i64,
    pub(crate) version: u8,
    pub(crate) dialect: Dialect,
    /// Rows and bytes of one answer.
    pub(crate) bounds: (usize, usize),
    /// The number of the last frame.
    last: i32,
    /// The key of the last SYNC_END.
    synced: Option<i64>,
    is_behind: bool,
    /// A METADATA has gone out since the last answer began.
    has_copies: bool,
    pub(crate) out: Vec<u8>,
}

/// One frame, without what the connection gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Written {
    pub(crate) command: u8,
    pub(crate) flags: u8,
    pub(crate) body: Vec<u8>,
}

/// One row of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) msgid: i64,
    pub(crate) device_id: i64,
    pub(crate) command: u8,
    pub(crate) body: Vec<u8>,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Taken,
    LeftOut,
    Unreadable,
    Full,
}

impl Reference {
    /// A connection that has written its AUTH_STATUS.
    pub(crate) fn new(
        (kefu_appid, account, device_id): (i64, [i64; 2], i64),
        version: u8,
        dialect: Dialect,
        bounds: (usize, usize),
    ) -> Self {
        let (last, synced, out) = (1, None, Vec::new());
        Self {
            kefu_appid,
            account,
            device_id,
            version,
            dialect,
            bounds,
            last,
            synced,
            is_behind: false,
            has_copies: false,
            out,
        }
    }

    /// D1.6: what an accepted message shows.
    pub(crate) fn heard(&mut self, command: u8) {
        self.dialect = if command == CUSTOMER_V2 { Dialect::V2 } else { Dialect::V1 };
    }

    /// A value of these frames is to be written, as D3 and W3 have it. `raw`: its body goes out as
    /// it is, whatever the version.
    pub(crate) fn write(&mut self, frames: &[Written], raw: bool) {
        match frames {
            [metadata, message] => {
                let is_ack = message.command == ACK;
                // W3.7
                if is_ack
                    && self.version < 2
                    && message.body.get(4).is_some_and(|&status| status != 0)
                {
                    return;
                }
                // D3.1
                if self.dialect != Dialect::V1 {
                    self.put(metadata.clone());
                    self.has_copies = true;
                }
                if self.dialect != Dialect::V1 || is_ack {
                    self.put(self.versioned(message));
                }
            }
            [frame] => self.write_one(frame, raw),
            _ => panic!("a value is a frame or two"),
        }
    }

    fn write_one(&mut self, frame: &Written, raw: bool) {
        let fits = match frame.command {
            METADATA => false,
            // W3.7
            ACK => self.version >= 2 || frame.body.get(4).is_none_or(|&status| status == 0),
            // S12.4
            SYNC_NOTIFY => !self.is_behind,
            CUSTOMER | CUSTOMER_SUPPORT | CUSTOMER_V2 => frame.body.len() >= 36,
            _ => true,
        };
        if !fits {
            return;
        }
        let frame = if raw { frame.clone() } else { self.versioned(frame) };
        let frame = self.translated(&frame, 0);
        self.put(frame);
    }

    /// W3.3, W3.5: two bodies depend on the version.
    fn versioned(&self, frame: &Written) -> Written {
        let mut frame = frame.clone();
        let length = match frame.command {
            ACK => 4 + usize::from(self.version >= 2),
            AUTH_STATUS => 4 + 4 * usize::from(self.version == 0),
            _ => frame.body.len(),
        };
        frame.body.resize(length, 0);
        frame
    }

    /// D2, D3.4: the frame in a form that the dialect knows.
    fn translated(&self, frame: &Written, store_id: i64) -> Written {
        let is_v2 = match frame.command {
            CUSTOMER | CUSTOMER_SUPPORT => false,
            CUSTOMER_V2 => true,
            _ => return frame.clone(),
        };
        let known = match self.dialect {
            Dialect::V1 => !is_v2,
            Dialect::V2 => is_v2,
            Dialect::AsSent => true,
        };
        if known {
            return frame.clone();
        }
        let [a, b, c, d] = ids_of(&frame.body);
        let kefu = self.kefu_appid;
        let (command, ids) = match frame.command {
            CUSTOMER => (CUSTOMER_V2, [a, b, kefu, d]),
            CUSTOMER_SUPPORT => (CUSTOMER_V2, [kefu, d, a, b]),
            _ if a == kefu => (CUSTOMER_SUPPORT, [c, d, store_id, b]),
            _ => (CUSTOMER, [a, b, store_id, d]),
        };
        let mut body = ids.map(i64::to_be_bytes).concat();
        body.extend_from_slice(&frame.body[32..]);
        Written { command, flags: frame.flags & !OF_SERVERS, body }
    }

    /// S2, S12, D4: the answer to a SYNC. `newest` is that of the whole queue.
    pub(crate) fn sync(
        &mut self,
        (asked, kept): (i64, i64),
        rows: &[Row],
        newest: i64,
        store_id: i64,
    ) -> Vec<Fate> {
        (self.is_behind, self.has_copies) = (false, false);
        let begin = if asked == 0 { self.synced.unwrap_or(kept) } else { asked };
        let (mut end, mut looked, mut bytes) = (begin, 0, 0);
        let (mut fates, mut frames) = (Vec::new(), Vec::new());
        for row in rows {
            if row.msgid <= end {
                fates.push(Fate::LeftOut);
            } else if looked >= self.bounds.0.max(1) || bytes >= self.bounds.1.max(1) {
                fates.push(Fate::Full);
                break;
            } else {
                let (fate, frame) = self.look_at(row, store_id);
                bytes += frame.as_ref().map_or(0, |_| 12 + row.body.len());
                looked += 1;
                end = row.msgid;
                fates.push(fate);
                frames.extend(frame);
            }
        }
        let goes_on = fates.last() == Some(&Fate::Full);
        // D4.6
        if self.dialect != Dialect::V1 && looked == 0 && end > 0 && newest > 0 {
            end = end.min(newest);
        }
        // S2.2, D4.5
        let ends = match self.dialect {
            Dialect::V1 => false,
            Dialect::V2 => true,
            Dialect::AsSent => looked == 0,
        };
        self.key(SYNC_BEGIN, if ends { end } else { begin });
        for frame in frames {
            self.put(frame);
        }
        self.key(SYNC_END, end);
        self.synced = Some(end);
        if goes_on {
            self.key(SYNC_NOTIFY, end.wrapping_add(1));
            self.is_behind = !self.has_copies;
        }
        fates
    }

    /// D4.1–D4.4, D4.7, D4.8.
    fn look_at(&self, row: &Row, store_id: i64) -> (Fate, Option<Written>) {
        let mut frame = Written { command: row.command, flags: 0, body: row.body.clone() };
        let is_chat = [CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2].contains(&row.command);
        if row.command == METADATA {
            return (Fate::LeftOut, None);
        }
        if is_chat && row.body.len() < 36 {
            return (Fate::Unreadable, None);
        }
        if !is_chat {
            return (Fate::Taken, Some(frame));
        }
        let [a, b, _, d] = ids_of(&row.body);
        let sender = if row.command == CUSTOMER_SUPPORT { [self.kefu_appid, d] } else { [a, b] };
        let own = sender == self.account && row.device_id == self.device_id;
        frame = self.translated(&frame, store_id);
        if own && frame.command != CUSTOMER_V2 {
            return (Fate::LeftOut, None);
        }
        frame.flags |= if own { SELF } else { 0 };
        (Fate::Taken, Some(frame))
    }

    fn key(&mut self, command: u8, key: i64) {
        self.put(Written { command, flags: 0, body: key.to_be_bytes().to_vec() });
    }

    /// W1, W7.
    fn put(&mut self, Written { command, flags, body }: Written) {
        self.last += 1;
        self.out.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        self.out.extend(self.last.to_be_bytes());
        self.out.extend([command, self.version, flags, 0]);
        self.out.extend(body);
    }
}

pub(crate) fn ids_of(body: &[u8]) -> [i64; 4] {
    [0, 8, 16, 24].map(|at| i64::from_be_bytes(body[at..at + 8].try_into().unwrap()))
}

/// The frames that the bytes are.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Written> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<12>() {
        let length = u32::from_be_bytes(*header.first_chunk().unwrap());
        let (body, rest) = rest.split_at(usize::try_from(length).unwrap());
        frames.push(Written { command: header[8], flags: header[10], body: body.to_vec() });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "whole frames");
    frames
}
