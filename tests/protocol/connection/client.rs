//! What a client sends and reads, and a server on which it has logged in.

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, AuthToken, Authentication, Body, Config, CustomerMessage, DeviceId, Encode,
    Flags, FrameDecoder, FrameLimit, Identity, Login, LoginStep, Message, MsgId, Online, Parsed,
    Platform, Seq, ShortBytes, StoreId, UnixTime, UserId, Version,
};

use super::memory::Server;

pub(crate) fn server() -> Server {
    Server::new(now())
}

/// A server on which one user has logged in, the answer already read.
pub(crate) fn online(who: &str) -> Server {
    let mut server = server();
    let token: &[u8] = if who == "seller" { b"tok-1453-2" } else { b"tok-7-1" };
    log_in(&mut server, who, token);
    server
}

pub(crate) fn log_in(server: &mut Server, who: &str, token: &[u8]) {
    log_in_on(server, who, token, "phone");
}

pub(crate) fn log_in_on(server: &mut Server, who: &str, token: &[u8], device: &'static str) {
    server.receive(who, &login_on(token, device, 1));
    assert_eq!(received(server, who).len(), 1);
}

/// A connection of customer 7/1 without a server around it.
pub(crate) fn bare_online() -> Online {
    let customer = Account { appid: AppId(7), uid: UserId(1) };
    online_as(Identity::new(customer, DeviceId(3)).unwrap())
}

pub(crate) fn online_as(identity: Identity) -> Online {
    authentication().accept(identity, &mut BytesMut::new()).unwrap()
}

/// A login that waits for its answer.
pub(crate) fn authentication() -> Authentication {
    let mut read = BytesMut::from(&login(b"tok-7-1", 1)[..]);
    let mut out = BytesMut::new();
    let login = Login::new(config(), FrameLimit::CLIENT);
    let LoginStep::Authenticate(authentication) = login.receive(&mut read, &mut out).unwrap()
    else {
        panic!("a login was sent")
    };
    authentication
}

pub(crate) fn config() -> Config {
    Config::new(AppId(1453)).unwrap()
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from(1_529_642_512)
}

/// Everything that has come since the last look: seq, version and body.
pub(crate) fn received(server: &mut Server, who: &str) -> Vec<(i32, u8, Body)> {
    std::iter::from_fn(|| server.next_frame(who))
        .map(|mut bytes| {
            let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap().unwrap();
            let Parsed::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
            (message.seq.0, message.version.0, message.body)
        })
        .collect()
}

pub(crate) fn sync_keys(frames: Vec<(i32, u8, Body)>) -> Vec<MsgId> {
    let key = |(_, _, body)| match body {
        Body::SyncBegin(key) | Body::SyncEnd(key) | Body::SyncNotify(key) => Some(key),
        _ => None,
    };
    frames.into_iter().filter_map(key).collect()
}

pub(crate) fn login(token: &[u8], version: u8) -> Vec<u8> {
    login_on(token, "phone", version)
}

pub(crate) fn login_on(token: &[u8], device: &'static str, version: u8) -> Vec<u8> {
    let auth = AuthToken {
        platform: Platform::ANDROID,
        token: ShortBytes::new(token.to_vec()).unwrap(),
        device_id: ShortBytes::new(device).unwrap(),
    };
    let body = Body::AuthToken(auth);
    frame_of(&Message { seq: Seq(1), version: Version(version), flags: Flags::NONE, body })
}

/// Customer 7/1 to seller 2.
pub(crate) fn chat(flags: Flags) -> Message {
    Message { seq: Seq(3), version: Version(1), flags, body: Body::Customer(text()) }
}

pub(crate) fn text() -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: UserId(2),
        timestamp: UnixTime::from(1),
        content: Bytes::from_static(b"hello"),
    }
}

pub(crate) fn unlisted() -> Vec<u8> {
    b"\0\0\0\x01\0\0\0\x05\x63\x01\0\0?".to_vec()
}

pub(crate) fn frame(seq: i32, body: Body) -> Vec<u8> {
    frame_of(&Message { seq: Seq(seq), version: Version(1), flags: Flags::NONE, body })
}

pub(crate) fn frame_of(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}
