//! What a hostile peer can send: lengths, noise, and very little at a time (W2, S7).

use bytes::{Bytes, BytesMut};
use kefu_proto::{Account, AppId, AuthToken, Body, Config, CustomerMessage, DecodeError};
use kefu_proto::{DeviceId, Encode, Flags, FrameDecoder, FrameLimit, Header, Identity, Parsed};
use kefu_proto::{Message, MsgId, Platform, Seq, Session, ShortBytes, StoreId, UnixTime};
use kefu_proto::{UserId, Version};

const LIMIT: i32 = 32 * 1024;
const CLIENT: FrameDecoder = FrameDecoder::new(FrameLimit::CLIENT);

/// W2.1, W2.3.
#[test]
fn w2_a_refused_length_is_told_from_the_header_alone() {
    let limit = FrameLimit::CLIENT;
    for length in [i32::MIN, i32::MIN + 1, -LIMIT, -1, LIMIT, LIMIT + 1, i32::MAX] {
        for command in 0..=255 {
            let mut read = BytesMut::from(&header(length, command)[..]);
            let before = (read.capacity(), read.as_ptr());
            let refused = Err(DecodeError::Length { length, limit });
            assert_eq!(CLIENT.decode(&mut read), refused);
            assert_eq!(read, header(length, command)[..]);
            assert_eq!((read.capacity(), read.as_ptr()), before);
        }
    }
}

/// W2.3.
#[test]
fn w2_no_memory_is_reserved_for_what_a_header_promises() {
    let unlimited = FrameDecoder::new(FrameLimit::MAX);
    for (decoder, length) in [(CLIENT, LIMIT - 1), (CLIENT, 1), (unlimited, i32::MAX)] {
        let mut read = BytesMut::from(&header(length, 24)[..]);
        let before = (read.capacity(), read.as_ptr());
        assert_eq!(decoder.decode(&mut read), Ok(None));
        assert_eq!(read, header(length, 24)[..]);
        assert_eq!((read.capacity(), read.as_ptr()), before);
    }
}

/// W2.1.
#[test]
fn w2_every_limit_refuses_its_own_length_and_takes_one_less() {
    for limit in [0, 1, 36, 32 * 1024, 1 << 20] {
        let decoder = FrameDecoder::new(FrameLimit::new(limit));
        let told = |length: u32| {
            let length = i32::try_from(length).unwrap();
            decoder.decode(&mut BytesMut::from(&header(length, 25)[..])).is_ok()
        };
        assert!(!told(limit), "{limit}");
        assert!(limit == 0 || told(limit - 1), "{limit}");
    }
    assert_eq!(FrameLimit::new(u32::MAX), FrameLimit::MAX);
    assert_eq!(FrameLimit::MAX.get(), 1 << 31);
}

#[test]
fn a_half_received_frame_holds_less_than_the_limit() {
    let largest = Header::LEN + usize::try_from(LIMIT).unwrap() - 1;
    for promised in [LIMIT - 1, LIMIT - 2, 4096] {
        let mut read = BytesMut::with_capacity(64);
        read.extend_from_slice(&header(promised, 24));
        let mut held = read.len();
        // More than any frame has: the peer never stops.
        for _ in 0..LIMIT {
            read.extend_from_slice(&[0; 5]);
            while let Some(frame) = CLIENT.decode(&mut read).unwrap() {
                assert!(frame.body.len() < usize::try_from(LIMIT).unwrap());
            }
            held = held.max(read.len());
        }
        assert!(held < largest, "{held}");
    }
}

#[test]
fn a_peer_that_sends_one_byte_at_a_time_is_read_like_any_other() {
    let conversation = conversation();
    let mut stream = Vec::new();
    for message in &conversation {
        message.encode(&mut stream).unwrap();
    }
    let mut read = BytesMut::new();
    let mut heard = Vec::new();
    for byte in stream {
        read.extend_from_slice(&[byte]);
        let before = read.clone();
        match CLIENT.decode(&mut read).unwrap() {
            Some(frame) => {
                assert!(read.is_empty());
                heard.push(frame.parse().unwrap());
            }
            None => assert_eq!(read, before),
        }
    }
    assert!(read.is_empty());
    assert!(heard.into_iter().eq(conversation.into_iter().map(Parsed::Message)));
}

#[test]
fn a_hundred_thousand_hostile_streams_do_not_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let sessions = [session(7, 1), session(1453, 2), session(-1, i64::MIN)];
    let (mut parsed, mut accepted, mut refused, mut effects) = (0, 0, 0, 0);
    for round in 0..100_000 {
        let session = sessions[random.below(3)];
        let mut read = BytesMut::from(&random.stream()[..]);
        while let Ok(Some(frame)) = CLIENT.decode(&mut read) {
            let Ok(Parsed::Message(message)) = frame.parse() else { continue };
            parsed += 1;
            let Ok(delivery) = session.handle(message, UnixTime::from(round)) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let saved = delivery.save_with(|_| Ok::<_, ()>(MsgId(random.id())));
            for effect in &saved.unwrap() {
                effect.message().encode(&mut Vec::new()).unwrap();
                effects += 1;
            }
        }
    }
    // Not so random that nothing is accepted.
    let counts = [parsed, accepted, refused, effects];
    assert!(counts.iter().all(|&count| count > 5_000), "{counts:?}");
    assert!(effects > 2 * accepted && effects < 4 * accepted, "{counts:?}");
}

/// A small xorshift generator: the same noise in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % end
    }

    fn id(&mut self) -> i64 {
        i64::from_be_bytes(self.next().to_be_bytes())
    }

    /// Some frames of noise, or of a chat between customer 7/1 and seller 2 with a few random ids;
    /// sometimes a byte changed.
    fn stream(&mut self) -> Vec<u8> {
        let mut stream = Vec::new();
        for _ in 0..self.below(4) {
            let body: Vec<u8> = match self.below(4) {
                0 => (0..self.below(60)).map(|_| self.byte()).collect(),
                1 => vec![],
                _ => {
                    let ids =
                        [7, 1, 0, 2].map(|id| if self.below(8) == 0 { self.id() } else { id });
                    [&ids.map(i64::to_be_bytes).concat()[..], &self.id().to_be_bytes()].concat()
                }
            };
            let commands = [3, 5, 13, 14, 15, 24, 24, 24, 25, 25, 26, 27, 28, 29, 34, self.byte()];
            let command = commands[self.below(16)];
            let mut header = header(i32::try_from(body.len()).unwrap(), command);
            header[4..8].copy_from_slice(&self.id().to_be_bytes()[..4]);
            header[9..].fill_with(|| self.byte());
            stream.extend(header);
            stream.extend(body);
        }
        if self.below(4) == 0 && !stream.is_empty() {
            let place = self.below(stream.len());
            stream[place] = self.byte();
        }
        stream
    }
}

fn header(length: i32, command: u8) -> [u8; 12] {
    let [a, b, c, d] = length.to_be_bytes();
    [a, b, c, d, 0, 0, 0, 1, command, 1, 0, 0]
}

fn session(appid: i64, uid: i64) -> Session {
    let account = Account::new(AppId(appid), UserId(uid));
    let identity = Identity::new(account, DeviceId(11)).unwrap();
    Session::new(Config::new(AppId(1453)).unwrap(), identity)
}

/// A login, and what a client says after it, with contents from none to the longest.
fn conversation() -> Vec<Message> {
    let short = |text: &'static str| ShortBytes::new(text).unwrap();
    let login = AuthToken {
        platform: Platform::ANDROID,
        token: short("tok-7-1"),
        device_id: short("a phone"),
    };
    let mut bodies = vec![Body::AuthToken(login), Body::Sync(MsgId(0)), Body::Ping];
    for len in [0, 1, 2, 11, 12, 13, 100, 4096, 32_731] {
        let text = CustomerMessage {
            customer_appid: AppId(7),
            customer_id: UserId(1),
            store_id: StoreId(1),
            seller_id: UserId(2),
            timestamp: UnixTime::from(0),
            content: Bytes::from(vec![0xff; len]),
        };
        bodies.extend([
            Body::Customer(text),
            Body::Ack(Seq(-1).into()),
            Body::SyncKey(MsgId(1 << 40)),
        ]);
    }
    let numbered = bodies.into_iter().zip(1..);
    let message =
        |(body, seq)| Message { seq: Seq(seq), version: Version(1), flags: Flags::TEXT, body };
    numbered.map(message).collect()
}
