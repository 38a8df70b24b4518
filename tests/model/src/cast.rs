//! Who takes part, and what they have to say.

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, AuthToken, Body, Command, Config, CustomerMessage, CustomerMessageV2, DeviceId,
    Dialect, Encode, Flags, Identity, Message, Platform, Seq, ShortBytes, StoreId, UnixTime,
    UserId, Version,
};

/// What the server's clock says: it stands still.
pub(crate) const NOW: i32 = 1_500_000_000;

const KEFU_APP: AppId = AppId(1453);
const NOBODY: UserId = UserId(-1);

/// The owners of the queues. The customers differ in the uid alone, Ann and the seller in the app
/// alone.
pub(crate) const ACCOUNTS: [Account; 3] = [
    Account { appid: AppId(7), uid: UserId(1) },
    Account { appid: AppId(7), uid: UserId(2) },
    Account { appid: KEFU_APP, uid: UserId(1) },
];
pub(crate) const ANN: usize = 0;
pub(crate) const BOB: usize = 1;
pub(crate) const SELLER: usize = 2;

/// Whose the devices are. The last one is the seller's phone, which comes later than the others.
pub(crate) const OWNERS: [usize; 4] = [ANN, BOB, SELLER, SELLER];
pub(crate) const ANNS: usize = 0;
pub(crate) const BOBS: usize = 1;
pub(crate) const DESK: usize = 2;

/// A message that a client has to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Post {
    pub(crate) device: usize,
    pub(crate) persistent: bool,
    /// Receiver and sender by H5; `None` for a message that H2 or H3 refuses.
    pub(crate) parties: Option<[usize; 2]>,
    command: Command,
    customer: Account,
    seller: UserId,
}

/// A set of posts, by their numbers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Posts(u32);

impl Posts {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn insert(&mut self, post: usize) {
        self.0 |= 1 << post;
    }

    pub(crate) fn contains(self, post: usize) -> bool {
        self.0 & 1 << post != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Post {
    pub(crate) const ANN_ASKS: Self = Self::asks(ANNS, ACCOUNTS[ANN], ACCOUNTS[SELLER].uid);
    pub(crate) const BOB_ASKS: Self = Self::asks(BOBS, ACCOUNTS[BOB], ACCOUNTS[SELLER].uid);
    pub(crate) const SELLER_ANSWERS: Self = Self {
        parties: Some([ANN, SELLER]),
        ..Self::answers(DESK, ACCOUNTS[ANN], ACCOUNTS[SELLER].uid)
    };
    pub(crate) const SELLER_IS_TYPING: Self = Self {
        persistent: false,
        parties: Some([BOB, SELLER]),
        ..Self::answers(DESK, ACCOUNTS[BOB], ACCOUNTS[SELLER].uid)
    };

    /// H13: Ann writes to Bob. Version 1 cannot even say it.
    pub(crate) const ANN_TO_BOB: Self = Self::refused(Self::answers(ANNS, ACCOUNTS[BOB], NOBODY));

    /// H2: Bob writes in the name of Ann.
    pub(crate) const BOB_AS_ANN: Self = Self::refused(Self::asks(BOBS, ACCOUNTS[ANN], UserId(1)));
    /// H2: Ann writes in the name of the user of another app who has her uid.
    pub(crate) const ANN_OF_ANOTHER_APP: Self =
        Self::refused(Self::asks(ANNS, ACCOUNTS[SELLER], UserId(1)));
    /// H2: Ann writes to nobody.
    pub(crate) const ANN_TO_NOBODY: Self =
        Self::refused(Self::asks(ANNS, ACCOUNTS[ANN], UserId(0)));
    /// H3: Ann, who has the seller's uid in her own app, writes to Bob like a seller.
    pub(crate) const ANN_AS_SELLER: Self =
        Self::refused(Self::answers(ANNS, ACCOUNTS[BOB], UserId(1)));
    /// H3: the seller writes in the name of another.
    pub(crate) const SELLER_AS_ANOTHER: Self =
        Self::refused(Self::answers(DESK, ACCOUNTS[BOB], UserId(9)));

    const fn asks(device: usize, customer: Account, seller: UserId) -> Self {
        let parties = Some([SELLER, OWNERS[device]]);
        Self { device, persistent: true, parties, command: Command::CUSTOMER, customer, seller }
    }

    const fn answers(device: usize, customer: Account, seller: UserId) -> Self {
        Self { command: Command::CUSTOMER_SUPPORT, ..Self::asks(device, customer, seller) }
    }

    const fn refused(post: Self) -> Self {
        Self { parties: None, ..post }
    }

    /// The frame in a dialect, whose seq and content are the post's number.
    pub(crate) fn frame(&self, number: usize, dialect: Dialect) -> BytesMut {
        let number = u8::try_from(number).unwrap();
        let flags = if self.persistent { Flags::NONE } else { Flags::UNPERSISTENT };
        let (body, flags) = match dialect {
            // In the guise of a server (H13.4).
            Dialect::V2 => (self.body_v2(number), flags | Flags::SELF | Flags::PUSH),
            Dialect::V1 | Dialect::AsSent => (self.body_v1(number), flags),
        };
        frame(&Message { seq: Seq(number.into()), version: Version(1), flags, body })
    }

    fn body_v1(&self, number: u8) -> Body {
        let chat = CustomerMessage {
            customer_appid: self.customer.appid,
            customer_id: self.customer.uid,
            store_id: StoreId(1),
            seller_id: self.seller,
            timestamp: UnixTime::from(0),
            content: Bytes::copy_from_slice(&[number]),
        };
        match self.command {
            Command::CUSTOMER => Body::Customer(chat),
            _ => Body::CustomerSupport(chat),
        }
    }

    fn body_v2(&self, number: u8) -> Body {
        let seller = Account::new(KEFU_APP, self.seller);
        let (sender, receiver) = match self.command {
            Command::CUSTOMER => (self.customer, seller),
            // Of no app that a customer could write to.
            _ if self.seller == NOBODY => (ACCOUNTS[OWNERS[self.device]], self.customer),
            _ => (seller, self.customer),
        };
        let (timestamp, content) = (UnixTime::from(0), Bytes::copy_from_slice(&[number]));
        Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content })
    }
}

/// The login of a device in a dialect: the token and the device string are its number.
pub(crate) fn login(device: usize, dialect: Dialect) -> BytesMut {
    let (version, platform) = match dialect {
        Dialect::V1 => (1, Platform::ANDROID),
        Dialect::V2 => (2, Platform::ANDROID),
        Dialect::AsSent => (1, Platform::WEB),
    };
    let body = Body::AuthToken(AuthToken {
        platform,
        token: ShortBytes::new(token(device).to_vec()).unwrap(),
        device_id: ShortBytes::new(token(device).to_vec()).unwrap(),
    });
    frame(&Message { seq: Seq(0), version: Version(version), flags: Flags::NONE, body })
}

/// The token that a device logs in with.
pub(crate) fn token(device: usize) -> [u8; 1] {
    [u8::try_from(device).unwrap()]
}

/// What the server knows about whoever logs in.
pub(crate) fn identity(login: &AuthToken) -> Identity {
    let owner = OWNERS[usize::from(login.token.as_bytes()[0])];
    let number = |(device, _): (&[u8], Platform)| i64::from(device[0]) + 11;
    Identity::new(ACCOUNTS[owner], DeviceId(login.device().map_or(0, number))).unwrap()
}

pub(crate) fn config() -> Config {
    Config::new(KEFU_APP).unwrap()
}

pub(crate) fn plain(body: Body) -> BytesMut {
    frame(&Message { seq: Seq(0), version: Version(1), flags: Flags::NONE, body })
}

fn frame(message: &Message) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).unwrap();
    bytes
}
