//! A conversation that a checker watches: a customer on a phone writes to a seller at a desk.

use bytes::Bytes;
use kefu_proto::checker::{Checker, ConnectionId, Event, ServerId, Terms};
use kefu_proto::{
    Account, AppId, Command, Config, DeviceId, MsgId, StoredMessage, UnixTime, UserId,
};

use crate::rig::CUSTOMER;

const KEFU_APPID: i64 = 1453;
const PHONE: Client = Client { connection: ConnectionId(1), account: account(7, 1) };
const DESK: Client = Client { connection: ConnectionId(2), account: account(KEFU_APPID, 2) };
const NOW: i32 = 1_500_000_000;
const AUTH_STATUS: u8 = 3;
const ACK: u8 = 5;
const AUTH_TOKEN: u8 = 15;
const SYNC_NOTIFY: u8 = 29;

/// A checker, and what it will be told.
#[derive(Debug)]
pub struct Watched {
    checker: Checker,
    inside: bool,
    content: Vec<u8>,
    said: i32,
    messages: Vec<Said>,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    connection: ConnectionId,
    account: Account,
}

/// One message: its bytes, and what comes of it.
#[derive(Debug)]
struct Said {
    frame: Vec<u8>,
    row: StoredMessage,
    notify: Vec<u8>,
    ack: Vec<u8>,
}

impl Watched {
    /// Both are logged in. `inside`: whether the checker sees the store.
    #[must_use]
    pub fn new(inside: bool, content: usize) -> Self {
        let mut terms = Terms::new(Config::new(AppId(KEFU_APPID)).expect("it is not 0"));
        terms.memory = 1_000;
        let mut checker = Checker::new(terms);
        tell(&mut checker, Event::Time(UnixTime::from(NOW)));
        for Client { connection, account } in [PHONE, DESK] {
            let token = account.to_string();
            checker.add_token(token.as_bytes(), account);
            tell(&mut checker, Event::Opened { connection, server: ServerId(0) });
            let length = u8::try_from(token.len()).expect("a short token");
            let body = [&[1, length][..], token.as_bytes(), b"\x06device"].concat();
            let bytes = &frame((1, AUTH_TOKEN), &body);
            tell(&mut checker, Event::Sent { connection, bytes });
            let bytes = &frame((1, AUTH_STATUS), &[0; 4]);
            tell(&mut checker, Event::Received { connection, bytes });
        }
        Self { checker, inside, content: vec![b'a'; content], said: 0, messages: Vec::new() }
    }

    /// Makes ready what happens in a batch.
    pub fn refill(&mut self, count: u64) {
        self.messages.clear();
        for _ in 0..count {
            self.said += 1;
            let said = self.said;
            self.messages.push(self.message(said));
        }
    }

    fn message(&self, said: i32) -> Said {
        let ids = [PHONE.account.appid.0, PHONE.account.uid.0, 5, DESK.account.uid.0];
        let ids = ids.map(i64::to_be_bytes).concat();
        let mut content = self.content.clone();
        content[..4].copy_from_slice(&said.to_be_bytes());
        let body = |time: i32| [&ids, &time.to_be_bytes()[..], &content].concat();
        // Each connection's first frame was AUTH_STATUS.
        let number = said + 1;
        Said {
            frame: frame((said, CUSTOMER), &body(0)),
            row: StoredMessage {
                msgid: MsgId(said.into()),
                device_id: DeviceId(11),
                command: Command(CUSTOMER),
                body: Bytes::from(body(NOW)),
            },
            notify: frame((number, SYNC_NOTIFY), &i64::from(said).to_be_bytes()),
            ack: frame((number, ACK), &said.to_be_bytes()),
        }
    }

    /// Tells the checker what happens in the batch.
    pub fn watch(&mut self) {
        let Self { checker, inside, messages, .. } = self;
        for Said { frame, row, notify, ack } in messages {
            tell(checker, Event::Sent { connection: PHONE.connection, bytes: frame });
            if *inside {
                tell(checker, Event::Stored { queue: DESK.account, row });
                tell(checker, Event::Stored { queue: PHONE.account, row });
            }
            tell(checker, Event::Received { connection: DESK.connection, bytes: notify });
            tell(checker, Event::Received { connection: PHONE.connection, bytes: ack });
        }
    }
}

fn tell(checker: &mut Checker, event: Event<'_>) {
    checker.observe(event).expect("no rule is broken");
}

const fn account(appid: i64, uid: i64) -> Account {
    Account::new(AppId(appid), UserId(uid))
}

fn frame((seq, command): (i32, u8), body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).expect("a short body");
    let head = [&length.to_be_bytes()[..], &seq.to_be_bytes(), &[command, 1, 0, 0]].concat();
    [&head, body].concat()
}
