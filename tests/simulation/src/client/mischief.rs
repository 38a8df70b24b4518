//! What no client should do, and some do.

use super::Client;
use super::draft::Draft;
use crate::cast::Cast;
use crate::sim::Sim;
use crate::wire::{
    ACK, AUTH_TOKEN, CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, Head, METADATA, PING, PONG, SYNC,
    SYNC_BEGIN, SYNC_END, SYNC_NOTIFY,
};

impl Client {
    pub(super) fn misbehave(&mut self, sim: &mut Sim, cast: &Cast) {
        match sim.rng.u8(..18) {
            0..8 => self.forge(sim, cast),
            8 => {
                self.garble(sim);
                self.say(sim, cast);
                self.repeat(sim, 0);
            }
            9..11 => self.speak_unlisted(sim),
            11 => self.talk_like_a_server(sim),
            12 => {
                let key = [0, -1, i64::MIN, i64::MAX, self.key - 1, 1][sim.rng.usize(..6)];
                self.sync(key, false);
            }
            13 => {
                let key = [0, -1, i64::MIN, self.key / 2, 1][sim.rng.usize(..5)];
                self.sync(0, false);
                self.keep(key);
                self.sync(0, false);
            }
            14 => {
                // W7.6: some start counting again.
                if let Some(line) = &mut self.line {
                    line.seq = 0;
                }
            }
            // Another client on the same connection, or so it seems (D1.6).
            15..17 => self.voice.speaks_v2 ^= true,
            _ => self.hang_up(sim),
        }
    }

    /// Writes in another's name, to nobody, or in another role. By chance it may be valid.
    fn forge(&mut self, sim: &mut Sim, cast: &Cast) {
        let any = |sim: &mut Sim| cast.people[sim.rng.usize(..cast.people.len())].user;
        let (somebody, another) = (any(sim), any(sim));
        let command = [CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2][sim.rng.usize(..3)];
        let customer = match sim.rng.u8(..4) {
            0 => somebody,
            1 => (self.user.0, somebody.1),
            2 => (somebody.0, self.user.1),
            _ => self.user,
        };
        let seller = [0, self.user.1, another.1, somebody.1][sim.rng.usize(..4)];
        let flags = sim.rng.u8(..);
        let ids = if command == CUSTOMER_V2 {
            let receiver = if sim.rng.bool() { (cast.kefu_app, seller) } else { another };
            [customer.0, customer.1, receiver.0, receiver.1]
        } else {
            [customer.0, customer.1, sim.rng.i64(..), seller]
        };
        let content = cast.texts.pick(&mut sim.rng);
        let draft = Draft::new(sim.next_message(), command, flags, ids, &content);
        // Nobody waits for the answer to a forgery.
        self.send(sim, &draft);
    }

    /// W2, W5: no frame, or no message. The server closes the connection (S7).
    fn garble(&mut self, sim: &mut Sim) {
        sim.tally.malformed += 1;
        let Some(line) = &mut self.line else { return };
        line.spoilt = true;
        let version = self.voice.version;
        let head = |command| Head { seq: 1, command, version, flags: 0, last: 0 };
        let out = &mut self.out;
        match sim.rng.u8(..10) {
            0 => head(PING).write_length(-1, out),
            1 => head(CUSTOMER).write_length(32 * 1024, out),
            2 => head(CUSTOMER).write_length(i32::MIN, out),
            3 => head(PING).write(&[b"!"], out),
            4 => head(CUSTOMER).write(&[&[0xff; 35]], out),
            5 => head(SYNC).write(&[&[0; 7]], out),
            6 => head(CUSTOMER_V2).write(&[&[0xff; 35]], out),
            7 => head(METADATA).write(&[&[0; 31]], out),
            8 => head(AUTH_TOKEN).write(&[&[1, 0x80, b'x', 0]], out),
            _ => head(AUTH_TOKEN).write(&[&[1, 0, 0]], out),
        }
    }

    /// W3.4
    fn speak_unlisted(&mut self, sim: &mut Sim) {
        let command = [0, 1, 4, 65, 99, 255][sim.rng.usize(..6)];
        let body = [&b""[..], b"?", &[0xff; 300]][sim.rng.usize(..3)];
        let Some(line) = &self.line else { return };
        if line.is_live() {
            sim.tally.unlisted += 1;
        }
        self.write(command, 0, &[body]);
    }

    /// S1, S5: in silence the server passes over what only it says, ACKs, and a second login.
    fn talk_like_a_server(&mut self, sim: &mut Sim) {
        match sim.rng.u8(..7) {
            0 => _ = self.write(ACK, 0, &[&1_i32.to_be_bytes()]),
            1 => _ = self.write(ACK, 0, &[b"."]),
            2 => _ = self.write(PONG, 0, &[]),
            3 => _ = self.write(AUTH_TOKEN, 0, &[&[1, 6], b"nobody", &[1], b"d"]),
            4 => _ = self.write(METADATA, 0, &[&[0xff; 32]]),
            5 => {
                let command = [SYNC_BEGIN, SYNC_END, SYNC_NOTIFY][sim.rng.usize(..3)];
                self.write(command, 0, &[&i64::MAX.to_be_bytes()]);
            }
            _ => {
                let mut body = vec![1, 6];
                body.extend_from_slice(b"nobody\x01dmore than asked for");
                self.write(AUTH_TOKEN, 0, &[&body]);
            }
        }
    }
}
