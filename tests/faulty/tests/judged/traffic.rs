//! What happens while the judge looks on: enough for each fault to show.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kefu_faulty::{FIRST_SAVE_FAILS, SECOND_SAVE_FAILS};
use kefu_proto::{Account, AppId, Body, Flags, MsgId, Platform, UserId, Version};

use crate::client::{Client, answer, message_v2, question};
use crate::judge::Judge;

const V1: Version = Version(1);

const CUSTOMER: Account = Account::new(AppId(7), UserId(1));
const STRANGER: Account = Account::new(AppId(7), UserId(3));
const VISITOR: Account = Account::new(AppId(7), UserId(5));
const BLOCKED: Account = Account::new(AppId(8), UserId(13));
const SELLER: Account = Account::new(AppId(1453), UserId(2));
const COLLEAGUE: Account = Account::new(AppId(1453), UserId(4));

const CUSTOMERS: [Account; 4] = [CUSTOMER, STRANGER, VISITOR, BLOCKED];
const SELLERS: [Account; 2] = [SELLER, COLLEAGUE];

pub(crate) const ACCOUNTS: [Account; 6] = [CUSTOMER, STRANGER, VISITOR, BLOCKED, SELLER, COLLEAGUE];

/// A working day. All is quiet when it ends.
pub(crate) fn traffic(judge: &Judge, addr: SocketAddr) {
    let mut cast = Cast { judge, addr, clients: BTreeMap::new(), said: 0 };
    cast.arrive();
    cast.talk();
    cast.meet_trouble();
    cast.come_and_go();
    cast.talk();
    cast.look_back();
}

/// So many messages that a SYNC is not answered with all of them (S12). All is quiet when it ends.
pub(crate) fn flood(judge: &Judge, addr: SocketAddr) {
    let mut cast = Cast { judge, addr, clients: BTreeMap::new(), said: 0 };
    cast.arrive();
    for _ in 0..600 {
        cast.say_two("phone", |text| question(CUSTOMER, SELLER, text));
        cast.say_two("tablet", |text| message_v2(CUSTOMER, SELLER, text));
    }
    cast.sync_all(); // the first thousand, while there are more
    cast.say("phone", |text| question(CUSTOMER, SELLER, text));
    cast.say("tablet", |text| message_v2(CUSTOMER, SELLER, text));
    for _ in 0..3 {
        cast.sync_all();
    }
    cast.look_back();
}

/// Who is connected, by device.
struct Cast<'j> {
    judge: &'j Judge,
    addr: SocketAddr,
    clients: BTreeMap<&'static str, Client<'j>>,
    said: u32,
}

impl<'j> Cast<'j> {
    fn arrive(&mut self) {
        self.add_app("phone", V1, CUSTOMER);
        self.add_app("tablet", Version::V2, CUSTOMER);
        self.add_web("web", CUSTOMER);
        self.add_app("desk", Version::V2, SELLER);
        self.add_app("home", V1, SELLER);
        self.add_app("colleague", V1, COLLEAGUE);
        self.add_app("visitor", V1, VISITOR);
        self.add_app("blocked", Version::V2, BLOCKED);
        let mut stranger = Client::connect(self.judge, self.addr, V1);
        stranger.send(Body::Sync(MsgId(0))); // nobody is logged in: ignored
        stranger.log_in("tok-nobody", Platform::IOS, "stranger");
        stranger.log_in("tok-7-3", Platform::IOS, "stranger");
        self.clients.insert("stranger", stranger);
        self.settle();
    }

    /// Everybody writes at once, then everybody syncs.
    fn talk(&mut self) {
        self.say_two("phone", |text| question(CUSTOMER, SELLER, text));
        self.say_two("desk", |text| message_v2(SELLER, CUSTOMER, text));
        self.say("tablet", |text| message_v2(CUSTOMER, SELLER, text));
        self.say("home", |text| answer(SELLER, CUSTOMER, text));
        self.say("stranger", |text| question(STRANGER, SELLER, text));
        self.say("colleague", |text| answer(COLLEAGUE, VISITOR, text));
        self.settle();

        self.say("desk", |text| message_v2(SELLER, COLLEAGUE, text));
        self.say_unpersistent("home", |text| answer(SELLER, CUSTOMER, text));
        self.say_unpersistent("phone", |text| question(CUSTOMER, SELLER, text));
        // To oneself: the own connection is one of the receiver's.
        self.say("home", |text| question(SELLER, SELLER, text));
        self.sync_all();
    }

    /// Saves that fail, repeats, messages that nobody may send, and a command that nobody knows.
    fn meet_trouble(&mut self) {
        for mark in [FIRST_SAVE_FAILS, SECOND_SAVE_FAILS] {
            self.say("phone", |text| question(CUSTOMER, SELLER, format!("{text}: {mark}")));
            self.sync_all();
            self.say("home", |text| answer(SELLER, CUSTOMER, format!("{text}: {mark}")));
            self.sync_all();
            self.say("tablet", |text| message_v2(CUSTOMER, SELLER, format!("{text}: {mark}")));
            self.sync_all();
            self.say("desk", |text| message_v2(SELLER, CUSTOMER, format!("{text}: {mark}")));
            self.sync_all();
        }
        let marked = format!(r#"{{"text":"{}","uuid":"u"}}"#, self.text());
        for _ in 0..2 {
            self.say("phone", |_| question(CUSTOMER, SELLER, marked.clone()));
            self.say("tablet", |_| message_v2(CUSTOMER, SELLER, marked.clone()));
        }
        // Against the host's own rule, in another's name, and without a seller.
        self.say("blocked", |text| message_v2(BLOCKED, SELLER, text));
        self.say("phone", |text| question(STRANGER, SELLER, text));
        self.say("tablet", |text| message_v2(CUSTOMER, STRANGER, text));
        self.at("home").send_unlisted();
        self.settle();
    }

    /// Devices leave while there is something to tell them, and others of theirs stay.
    fn come_and_go(&mut self) {
        for device in ["desk", "tablet", "visitor"] {
            self.leave(device);
        }
        self.say("phone", |text| question(CUSTOMER, SELLER, text));
        self.say("home", |text| answer(SELLER, CUSTOMER, text));
        self.say("colleague", |text| answer(COLLEAGUE, VISITOR, text)); // who is pushed
        self.settle();
        // The web client shows which dialect it knows. Another one is known from then on.
        self.say("web", |text| question(CUSTOMER, SELLER, text));
        self.settle();
        self.leave("web");
        self.add_web("web", CUSTOMER);
        self.add_app("desk", Version::V2, SELLER);
        self.add_app("tablet", Version::V2, CUSTOMER);
        self.add_app("visitor", V1, VISITOR);
        self.settle();
    }

    /// New devices of both versions read everything, and what is left of it once a key is kept.
    fn look_back(&mut self) {
        self.add_app("old phone", V1, CUSTOMER);
        self.add_app("new phone", Version::V2, CUSTOMER);
        self.add_app("old desk", V1, SELLER);
        self.add_app("new desk", Version::V2, SELLER);
        for device in ["old phone", "new phone", "old desk", "new desk"] {
            self.at(device).sync();
            self.at(device).sync_after(MsgId(1));
        }
        for device in ["phone", "desk"] {
            self.at(device).keep_key();
            self.at(device).ping();
        }
        for device in ["old phone", "new phone", "old desk", "new desk"] {
            self.at(device).sync_after(MsgId(0));
        }
        self.settle();
    }

    fn say(&mut self, device: &str, message: impl FnOnce(String) -> Body) {
        let text = self.text();
        self.at(device).send(message(text));
    }

    fn say_unpersistent(&mut self, device: &str, message: impl FnOnce(String) -> Body) {
        let text = self.text();
        self.at(device).send_unpersistent(message(text));
    }

    fn say_two(&mut self, device: &str, message: impl Fn(String) -> Body) {
        let messages = [self.text(), self.text()].map(|text| (Flags::NONE, message(text)));
        self.at(device).send_together(messages);
    }

    fn sync_all(&mut self) {
        self.settle();
        for client in self.clients.values_mut() {
            client.sync();
        }
        self.settle();
    }

    /// Waits until every client has all that it will get. A PONG alone does not tell: what others
    /// send waits in a queue of its own. So everybody is sent one more message through that queue.
    fn settle(&mut self) {
        self.ping_all();
        let last = self.text();
        for customer in CUSTOMERS {
            let message = answer(COLLEAGUE, customer, last.clone());
            self.at("colleague").send_unpersistent(message);
        }
        for seller in SELLERS {
            let message = question(STRANGER, seller, last.clone());
            self.at("stranger").send_unpersistent(message);
        }
        for client in self.clients.values_mut() {
            client.read_until_content(&last);
        }
        self.ping_all();
    }

    fn ping_all(&mut self) {
        for client in self.clients.values_mut() {
            client.ping();
        }
    }

    fn add_app(&mut self, device: &'static str, version: Version, account: Account) {
        let client = Client::app(self.judge, self.addr, version, account, device);
        self.clients.insert(device, client);
    }

    fn add_web(&mut self, device: &'static str, account: Account) {
        self.clients.insert(device, Client::web(self.judge, self.addr, account));
    }

    fn leave(&mut self, device: &str) {
        self.clients.remove(device).expect("is there").leave();
    }

    fn at(&mut self, device: &str) -> &mut Client<'j> {
        self.clients.get_mut(device).expect("is there")
    }

    /// A text that nobody has said before.
    fn text(&mut self) -> String {
        self.said += 1;
        format!("text {}", self.said)
    }
}
