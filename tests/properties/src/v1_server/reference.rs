//! A server of version 1: another reading of the protocol, of its own kind.

use std::collections::BTreeMap;

use super::{Act, CAST, NOW, Seat, asked, may_write, sides};

/// A server of version 1, as S2, S3, S4, H6 and H7 have it, of its own kind.
pub(super) struct Reference {
    pub(super) connections: Vec<V1>,
    queues: BTreeMap<[i64; 2], Vec<Stored>>,
    kept: BTreeMap<[i64; 2], i64>,
    last: i64,
}

pub(super) struct V1 {
    seat: Seat,
    last: i32,
    synced: bool,
    pub(super) out: Vec<u8>,
}

struct Stored {
    msgid: i64,
    from: (usize, i64),
    command: u8,
    body: Vec<u8>,
}

impl V1 {
    fn put(&mut self, command: u8, flags: u8, body: &[u8]) {
        self.last += 1;
        self.out.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        self.out.extend(self.last.to_be_bytes());
        self.out.extend([command, self.seat.version, flags, 0]);
        self.out.extend(body);
    }
}

impl Reference {
    pub(super) fn new(seats: &[Seat]) -> Self {
        let connection = |&seat| V1 { seat, last: 1, synced: false, out: Vec::new() };
        let connections = seats.iter().map(connection).collect();
        Self { connections, queues: BTreeMap::new(), kept: BTreeMap::new(), last: 0 }
    }

    pub(super) fn take(&mut self, act: &Act) {
        match act {
            Act::Say { seat, to, seq, flags, content, fails } => {
                if let Some(from) = self.connections.get(*seat).map(|connection| connection.seat)
                    && may_write(from.user, *to)
                {
                    self.say(*seat, *to, *seq, *flags, content, *fails);
                }
            }
            Act::Sync { seat, key } => self.sync(*seat, *key),
            Act::Keep { seat, key } => {
                let Some(connection) = self.connections.get(*seat) else { return };
                let kept = self.kept.entry(CAST[connection.seat.user]).or_insert(0);
                *kept = (*kept).max(*key);
            }
            Act::Ping { seat } => {
                let Some(connection) = self.connections.get_mut(*seat) else { return };
                connection.put(14, 0, &[]);
            }
        }
    }

    fn say(
        &mut self,
        seat: usize,
        to: usize,
        seq: i32,
        flags: u8,
        content: &[u8],
        fails: Option<usize>,
    ) {
        let Seat { user, device_id, speaks_v2, .. } = self.connections[seat].seat;
        let (customer, command, seller) = sides(user, to);
        let ids = [customer[0], customer[1], 0, seller];
        let mut body = ids.map(i64::to_be_bytes).concat();
        body.extend(NOW.to_be_bytes());
        body.extend_from_slice(content);
        // What is of version 2 is always stored (H13.5).
        if flags & 2 != 0 && !speaks_v2 {
            self.send(to, None, command, flags, &body);
        } else {
            let mut ids = [0; 2];
            for (copy, owner) in [to, user].into_iter().enumerate() {
                if fails == Some(copy) {
                    return;
                }
                self.last += 1;
                let from = (user, device_id);
                let row = Stored { msgid: self.last, from, command, body: body.clone() };
                self.queues.entry(CAST[owner]).or_default().push(row);
                ids[copy] = self.last;
            }
            self.send(to, None, 29, 0, &ids[0].to_be_bytes());
            self.send(user, Some(seat), 29, 0, &ids[1].to_be_bytes());
        }
        self.connections[seat].put(5, 0, &seq.to_be_bytes());
    }

    fn send(&mut self, to: usize, except: Option<usize>, command: u8, flags: u8, body: &[u8]) {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.seat.user == to && except != Some(index) {
                connection.put(command, flags, body);
            }
        }
    }

    fn sync(&mut self, seat: usize, key: i64) {
        let Some(connection) = self.connections.get_mut(seat) else { return };
        let queue = CAST[connection.seat.user];
        let key = asked(key, connection.synced);
        let begin = if key == 0 { self.kept.get(&queue).copied().unwrap_or(0) } else { key };
        let mut end = begin;
        connection.put(27, 0, &begin.to_be_bytes());
        for row in self.queues.entry(queue).or_default().iter().filter(|row| row.msgid > begin) {
            end = row.msgid;
            if row.from != (connection.seat.user, connection.seat.device_id) {
                connection.put(row.command, 0, &row.body);
            }
        }
        connection.put(28, 0, &end.to_be_bytes());
        connection.synced = true;
    }
}
