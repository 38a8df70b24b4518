//! The wire as the simulation's clients know it: written from the protocol, without
//! the library (W1–W4, W8–W10).

/// W1
pub(crate) const HEADER: usize = 12;
/// W4: the fixed part of a chat message.
pub(crate) const CHAT: usize = 36;
/// W2, W4: what fits into a body below 32 KiB.
pub(crate) const MAX_CONTENT: usize = 32 * 1024 - 1 - CHAT;

pub(crate) const AUTH_STATUS: u8 = 3;
pub(crate) const ACK: u8 = 5;
pub(crate) const PING: u8 = 13;
pub(crate) const PONG: u8 = 14;
pub(crate) const AUTH_TOKEN: u8 = 15;
pub(crate) const CUSTOMER: u8 = 24;
pub(crate) const CUSTOMER_SUPPORT: u8 = 25;
pub(crate) const SYNC: u8 = 26;
pub(crate) const SYNC_BEGIN: u8 = 27;
pub(crate) const SYNC_END: u8 = 28;
pub(crate) const SYNC_NOTIFY: u8 = 29;
pub(crate) const SYNC_KEY: u8 = 34;
pub(crate) const METADATA: u8 = 37;
pub(crate) const CUSTOMER_V2: u8 = 64;

/// W8
pub(crate) const UNPERSISTENT: u8 = 0x02;
pub(crate) const SELF: u8 = 0x08;
pub(crate) const PUSH: u8 = 0x10;
/// W8: what only a server says.
pub(crate) const OF_SERVERS: u8 = SELF | PUSH | 0x20;

/// The 12 bytes in front of a body (W1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) seq: i32,
    pub(crate) command: u8,
    pub(crate) version: u8,
    pub(crate) flags: u8,
    /// Ignored when read, 0 when written by a server.
    pub(crate) last: u8,
}

impl Head {
    /// Appends header and body.
    pub(crate) fn write(self, body: &[&[u8]], out: &mut Vec<u8>) {
        let length: usize = body.iter().map(|part| part.len()).sum();
        self.write_length(i32::try_from(length).unwrap(), out);
        for part in body {
            out.extend_from_slice(part);
        }
    }

    /// Appends a header that claims any length.
    pub(crate) fn write_length(self, length: i32, out: &mut Vec<u8>) {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&[self.command, self.version, self.flags, self.last]);
    }

    /// The first frame of `bytes`: its head, and where it ends. `None` while it is not whole.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = usize::try_from(int32(bytes.get(..4)?)).unwrap();
        let head = bytes.get(..HEADER).filter(|_| bytes.len() >= HEADER + length)?;
        let seq = int32(&head[4..8]);
        let (command, version, flags, last) = (head[8], head[9], head[10], head[11]);
        Some((Self { seq, command, version, flags, last }, HEADER + length))
    }
}

pub(crate) fn int32(bytes: &[u8]) -> i32 {
    i32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The four numbers in front of a chat message (W4, W9).
pub(crate) fn ids(body: &[u8]) -> [i64; 4] {
    [0, 8, 16, 24].map(|at| int64(&body[at..]))
}

pub(crate) fn int64(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(bytes[..8].try_into().unwrap())
}
