//! Who writes to whom, how much and how long: what is decided before the first connection.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use kefu_proto::{Account, AppId, Body, Config, UserId, Version};

use crate::args::{Args, Check, Dialect};
use crate::content::{Form, Format, Mark};
use crate::failure::Failure;
use crate::shares::{Share, Shares};
use crate::transport::Carrier;

/// Between two connections of those that make trouble.
const CONNECT_EVERY: Duration = Duration::from_millis(5);
const LEAST_STAY: Duration = Duration::from_millis(100);
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// One seller of so many is in a sample.
const SAMPLE: u32 = 10;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The servers of the service.
    pub(crate) addrs: Vec<String>,
    pub(crate) carrier: Carrier,
    pub(crate) format: Format,
    pub(crate) customers: u32,
    pub(crate) sellers: u32,
    pub(crate) window: usize,
    /// Messages a second of all customers together. `None`: as fast as ACKs come.
    pub(crate) rate: Option<NonZeroU32>,
    /// Accounts that flood the server, behind the customers.
    pub(crate) flood: u32,
    pub(crate) transient: u8,
    pub(crate) shares: Shares,
    /// Whether the server may store a repeat again.
    pub(crate) allows_repeats: bool,
    /// Whether the server may leave out live copies and transient messages for slow connections.
    pub(crate) leaves_out: bool,
    pub(crate) dialect: Dialect,
    pub(crate) target: Target,
    pub(crate) timeout: Duration,
    /// How long all clients stay silent before the first message.
    pub(crate) idle: Duration,
    pub(crate) check: Check,
    pub(crate) recording: Option<Recording>,
    pub(crate) config: Config,
    appid: AppId,
}

/// What is recorded, and where.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) file: PathBuf,
    /// The process whose memory is shown.
    pub(crate) watched: Option<u32>,
}

/// When a customer has sent enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Time(Duration),
    /// Messages per customer.
    Count(u32),
}

/// When a message is sent again though it need not be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Repetition {
    /// Right behind it, while it is in flight.
    AtOnce,
    AfterAck,
}

/// The two kinds of clients. Each has uids from 1 on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Customer,
    Seller,
}

impl Plan {
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        if args.appid == args.kefu_appid {
            return Err(Failure::SameApp(args.appid));
        }
        if args.dialect == Dialect::V2 && args.transient > 0 {
            return Err(Failure::Transient);
        }
        let config = Config::new(AppId(args.kefu_appid))?;
        let format = Format::new(run_id(), usize::from(args.size));
        let least = format.least(args.customers);
        if format.size() < least {
            return Err(Failure::Size { size: format.size(), least });
        }
        let time = Duration::from_secs(args.seconds.into());
        Ok(Self {
            addrs: args.addr.clone(),
            carrier: Carrier { is_tls: args.tls, ca: args.ca.clone(), web_socket: args.ws.clone() },
            format,
            customers: args.customers,
            sellers: args.sellers,
            window: usize::from(args.window),
            rate: args.rate.and_then(NonZeroU32::new),
            flood: args.flood.into(),
            transient: args.transient,
            shares: Shares {
                churn: Share(args.churn),
                repeat: Share(args.repeat),
                slow: Share(args.slow),
                hostile: Share(args.hostile),
            },
            allows_repeats: args.allow_repeats,
            leaves_out: !args.expect_all,
            dialect: args.dialect,
            target: args.count.map_or(Target::Time(time), Target::Count),
            timeout: Duration::from_secs(args.timeout.into()),
            idle: Duration::from_secs(args.idle.into()),
            check: args.check,
            recording: args.record.clone().map(|file| Recording { file, watched: args.watch }),
            config,
            appid: AppId(args.appid),
        })
    }

    pub(crate) fn account(&self, role: Role, uid: u32) -> Account {
        let appid = match role {
            Role::Customer => self.appid,
            Role::Seller => self.config.kefu_appid(),
        };
        Account::new(appid, UserId(uid.into()))
    }

    /// The addresses of all servers, as --addr takes them.
    pub(crate) fn addr(&self) -> String {
        self.addrs.join(",")
    }

    /// The number of the server that a client connects to first. Sellers are shifted by one against
    /// customers, so that most messages go from one server to another.
    pub(crate) fn server_of(&self, role: Role, uid: u32) -> usize {
        let turn = match role {
            Role::Customer => uid - 1,
            Role::Seller => uid,
        };
        usize::try_from(turn).unwrap_or(0) % self.addrs.len()
    }

    /// The customers are spread evenly over the sellers.
    pub(crate) const fn seller_of(&self, customer: u32) -> u32 {
        seller_of(customer, self.sellers)
    }

    /// When a customer is to send its message `number`, counted from the first of all. The customers
    /// take turns.
    pub(crate) fn due(&self, customer: u32, number: u32) -> Duration {
        let turn = u64::from(customer - 1) + u64::from(number) * u64::from(self.customers);
        self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_micros(turn.saturating_mul(1_000_000) / u64::from(rate.get()))
        })
    }

    /// Those that flood the server, numbered from 0, and the seller they write to: nobody else does.
    pub(crate) fn flooder(&self, number: u32) -> (Account, Account) {
        let customer = self.account(Role::Customer, self.customers + 1 + number);
        (customer, self.account(Role::Seller, self.sellers + 1))
    }

    /// Whether the frames of this seller and its customers are judged. A sample is every tenth
    /// seller, of both versions if there are two.
    pub(crate) fn is_judged(&self, seller: u32) -> bool {
        let versions = if self.dialect == Dialect::Mixed { 2 } else { 1 };
        match self.check {
            Check::None => false,
            Check::Sample => (seller - 1) % SAMPLE < versions,
            Check::All => true,
        }
    }

    /// How long a server may take for what must come, if nothing breaks.
    pub(crate) fn patience(&self) -> Duration {
        (self.timeout / 3).max(LEAST_PATIENCE)
    }

    /// The version that a client speaks. Mixed, the first customer of each seller speaks the other
    /// one than the seller, and from there on they take turns.
    pub(crate) const fn version(&self, role: Role, uid: u32) -> Version {
        let is_v2 = match (self.dialect, role) {
            (Dialect::V1, _) => false,
            (Dialect::V2, _) => true,
            (Dialect::Mixed, Role::Seller) => uid.is_multiple_of(2),
            (Dialect::Mixed, Role::Customer) => {
                let (turn, seller) = ((uid - 1) / self.sellers, self.seller_of(uid));
                (turn + seller) % 2 == 1
            }
        };
        if is_v2 { Version::V2 } else { Version(1) }
    }

    /// Spreads the transient messages evenly: a function of the number, so that none are
    /// remembered. Version 2 has none.
    pub(crate) fn is_transient(&self, customer: u32, number: u32) -> bool {
        let before = |number: u64| number * u64::from(self.transient) / 100;
        let number = u64::from(number);
        self.version(Role::Customer, customer) < Version::V2 && before(number) != before(number + 1)
    }

    /// Whether and when a customer that repeats sends this message again: one message in four.
    pub(crate) fn repetition(&self, customer: u32, number: u32) -> Option<Repetition> {
        let repetition = match number % 8 {
            3 => Repetition::AtOnce,
            7 => Repetition::AfterAck,
            _ => return None,
        };
        let repeats = self.shares.repeat.includes(customer);
        (repeats && !self.is_transient(customer, number)).then_some(repetition)
    }

    /// Whether a message has no uuid, so that each repeat is a message of its own: every second of
    /// those that are repeated.
    pub(crate) fn form(&self, customer: u32, number: u32) -> Form {
        let may_be_unmarked = number % 16 > 8;
        if may_be_unmarked && self.repetition(customer, number).is_some() {
            Form::Unmarked
        } else {
            Form::Marked
        }
    }

    /// How long a client that churns stays. Together they make at most 200 connections a second:
    /// the ports of a machine are few.
    pub(crate) fn stay(&self, connection: u64) -> Duration {
        let churn = self.shares.churn;
        let clients = churn.of(self.customers) + churn.of(self.sellers);
        let least = Self::spaced(clients + churn.of(self.customers + self.sellers));
        least + least.mul_f64(f64::from(u8::try_from(connection % 16).unwrap_or(0)) / 16.0)
    }

    /// How long each of so many clients waits, so that all together connect 200 times a second.
    pub(crate) fn spaced(clients: u32) -> Duration {
        (CONNECT_EVERY * clients).max(LEAST_STAY)
    }

    /// Extra connections take turns over all accounts, customers and sellers.
    pub(crate) const fn by_turns(&self, turn: u32) -> (Role, u32) {
        let turn = turn % (self.customers + self.sellers);
        // Sellers first: they are fewer, and receive most.
        if turn < self.sellers {
            (Role::Seller, 1 + turn)
        } else {
            (Role::Customer, 1 + turn - self.sellers)
        }
    }

    /// The message of this run that a server sent, in whichever form. Intact it has its content, its
    /// sender and its receiver.
    pub(crate) fn mark(&self, body: &Body) -> Option<Mark> {
        let of_app = |seller| Account::new(self.config.kefu_appid(), seller);
        let (sender, receiver, content) = match body {
            Body::Customer(chat) => {
                let customer = Account::new(chat.customer_appid, chat.customer_id);
                (customer, of_app(chat.seller_id), &chat.content)
            }
            Body::CustomerSupport(chat) => {
                let customer = Account::new(chat.customer_appid, chat.customer_id);
                (of_app(chat.seller_id), customer, &chat.content)
            }
            Body::CustomerV2(chat) => (chat.sender, chat.receiver, &chat.content),
            _ => return None,
        };
        let (mark, form) = self.format.read(content)?;
        let names_parties = (1..=self.customers).contains(&mark.customer)
            && sender == self.account(Role::Customer, mark.customer)
            && receiver == self.account(Role::Seller, self.seller_of(mark.customer));
        let has_form = form == self.form(mark.customer, mark.number);
        Some(Mark { intact: mark.intact && names_parties && has_form, ..mark })
    }

    /// The tokens file of a server (TOML).
    pub(crate) fn tokens(&self) -> String {
        let customers = (1..=self.customers).map(|uid| self.account(Role::Customer, uid));
        let sellers = (1..=self.sellers).map(|uid| self.account(Role::Seller, uid));
        let flooders = (0..self.flood).map(|number| self.flooder(number).0);
        customers.chain(sellers).chain(flooders).fold(String::new(), |mut file, account| {
            let Account { appid, uid } = account;
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{:?} = {{ appid = {appid}, uid = {uid} }}", token(account));
            file
        })
    }
}

/// The customers are spread evenly over the sellers.
pub(crate) const fn seller_of(customer: u32, sellers: u32) -> u32 {
    1 + (customer - 1) % sellers
}

pub(crate) fn token(Account { appid, uid }: Account) -> String {
    format!("load-{appid}-{uid}")
}

/// A random name: messages of other runs may be in the same queues.
fn run_id() -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{:08x}", random >> 32)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kefu_proto::{CustomerMessage, CustomerMessageV2, StoreId, UnixTime};

    use super::*;

    fn plan(args: &[&str]) -> Result<Plan, Failure> {
        Plan::new(&Args::from_options(args.iter().copied()).unwrap())
    }

    #[test]
    fn transient_messages_are_spread_evenly() {
        for (percent, expected) in [("0", 0), ("1", 10), ("33", 330), ("100", 1_000)] {
            let plan = plan(&["--transient", percent]).unwrap();
            assert_eq!((0..1_000).filter(|&number| plan.is_transient(1, number)).count(), expected);
        }
        let half = plan(&["--transient", "50"]).unwrap();
        assert!((0..100).all(|number| half.is_transient(1, number) == (number % 2 == 1)));
    }

    #[test]
    fn customers_take_turns_at_a_rate() {
        let one_a_second = plan(&["--rate", "1", "--customers", "3"]).unwrap();
        let due = |customer, number| one_a_second.due(customer, number).as_secs();
        assert_eq!([due(1, 0), due(2, 0), due(3, 0), due(1, 1), due(2, 10)], [0, 1, 2, 3, 31]);
        let without = plan(&["--customers", "3"]).unwrap();
        assert!(without.due(3, 1_000).is_zero());
        let longest = one_a_second.due(3, u32::MAX);
        assert_eq!(longest.as_secs(), u64::from(u32::MAX) * 3 + 2);
    }

    #[test]
    fn who_floods_is_nobody_else() {
        let plan = plan(&["--customers", "3", "--sellers", "2", "--flood", "2"]).unwrap();
        let (customer, seller) = plan.flooder(1);
        assert_eq!((customer.to_string(), seller.to_string()), ("7/5".into(), "1453/3".into()));
        assert_eq!(plan.tokens().lines().count(), 3 + 2 + 2);
        assert!(plan.tokens().contains("\"load-7-5\""), "{}", plan.tokens());
    }

    #[test]
    fn mixed_clients_write_across() {
        for [customers, sellers] in [["200", "10"], ["210", "7"], ["200", "1"]] {
            let args = ["--dialect", "mixed", "--customers", customers, "--sellers", sellers];
            let plan = plan(&args).unwrap();
            let v2 = |role, uid| plan.version(role, uid) == Version::V2;
            let seller_of = |uid| v2(Role::Seller, plan.seller_of(uid));
            let pairs =
                || (1..=plan.customers).map(|uid| (v2(Role::Customer, uid), seller_of(uid)));
            let count = |pair| pairs().filter(|found| *found == pair).count();
            let of_v2 =
                usize::try_from(plan.sellers / 2 * (plan.customers / plan.sellers)).unwrap();
            let all = usize::try_from(plan.customers).unwrap();
            let expected = [of_v2 / 2, of_v2 / 2, (all - of_v2) / 2, (all - of_v2) / 2];
            let each = [(true, true), (false, true), (true, false), (false, false)];
            assert_eq!(each.map(count), expected, "{args:?}");
        }
        let one = plan(&["--dialect", "v2"]).unwrap();
        assert!((1..=200).all(|uid| one.version(Role::Customer, uid) == Version::V2));
    }

    #[test]
    fn version_2_has_no_transient_messages() {
        let mixed = plan(&["--dialect", "mixed", "--transient", "100"]).unwrap();
        for uid in 1..=200 {
            let is_v2 = mixed.version(Role::Customer, uid) == Version::V2;
            assert_eq!(mixed.is_transient(uid, 0), !is_v2);
        }
    }

    #[test]
    fn a_message_is_intact_in_each_form_with_its_own_parties_only() {
        let plan = plan(&[]).unwrap();
        let content = Bytes::copy_from_slice(plan.format.template(12, Form::Marked).numbered(7));
        let [customer, seller] =
            [(7, 12), (1453, 2)].map(|(appid, uid)| Account::new(AppId(appid), UserId(uid)));
        let timestamp = UnixTime::from(0);
        let v1 = |customer: Account, seller: Account| CustomerMessage {
            customer_appid: customer.appid,
            customer_id: customer.uid,
            store_id: StoreId(0),
            seller_id: seller.uid,
            timestamp,
            content: content.clone(),
        };
        let v2 = |sender, receiver| {
            let content = content.clone();
            Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content })
        };
        let other = |Account { appid, uid }| Account::new(appid, UserId(uid.0 + 1));
        let elsewhere = Account::new(AppId(8), customer.uid);
        let mark = |body: &Body| plan.mark(body).map(|mark| (mark.customer, mark.intact));
        for whole in [Body::Customer(v1(customer, seller)), v2(customer, seller)] {
            assert_eq!(mark(&whole), Some((12, true)), "{whole:?}");
        }
        for wrong in [
            Body::CustomerSupport(v1(customer, seller)),
            Body::Customer(v1(other(customer), seller)),
            Body::Customer(v1(elsewhere, seller)),
            Body::Customer(v1(customer, other(seller))),
            v2(seller, customer),
            v2(other(customer), seller),
            v2(customer, other(seller)),
        ] {
            assert_eq!(mark(&wrong), Some((12, false)), "{wrong:?}");
        }
        assert_eq!(mark(&Body::Pong), None);
    }

    #[test]
    fn a_customer_that_does_not_exist_sent_nothing() {
        let plan = plan(&["--customers", "5"]).unwrap();
        for uid in [0, 6] {
            let content =
                Bytes::copy_from_slice(plan.format.template(uid, Form::Marked).numbered(7));
            let sender = Account::new(AppId(7), UserId(uid.into()));
            let receiver = Account::new(AppId(1453), UserId(1));
            let timestamp = UnixTime::from(0);
            let chat = CustomerMessageV2 { sender, receiver, timestamp, content };
            let mark = plan.mark(&Body::CustomerV2(chat));
            assert_eq!(mark.map(|mark| mark.intact), Some(false));
        }
    }

    #[test]
    fn customers_are_spread_over_the_sellers() {
        let plan = plan(&["--customers", "5", "--sellers", "2"]).unwrap();
        assert!((1..=5).map(|customer| plan.seller_of(customer)).eq([1, 2, 1, 2, 1]));
    }

    #[test]
    fn most_customers_write_to_a_seller_on_another_server() {
        let apart = |args: &[&str]| {
            let plan = plan(args).unwrap();
            let server = |customer| plan.server_of(Role::Customer, customer);
            let server_of_seller = |seller| plan.server_of(Role::Seller, seller);
            let all = 1..=plan.customers;
            all.filter(|&uid| server(uid) != server_of_seller(plan.seller_of(uid))).count()
        };
        assert_eq!(apart(&["--addr", "a:1"]), 0);
        assert_eq!(apart(&["--addr", "a:1,b:1"]), 200);
        assert_eq!(apart(&["--addr", "a:1,b:1,c:1", "--sellers", "9"]), 200);
        assert_eq!(apart(&["--addr", "a:1,b:1", "--addr", "c:1"]), 130);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let same = plan(&["--appid", "7", "--kefu-appid", "7"]).unwrap_err();
        assert!(same.to_string().contains("both 7"), "{same}");
        let small = plan(&["--size", "12", "--customers", "100"]).unwrap_err();
        assert!(small.to_string().contains("takes 43 bytes"), "{small}");
        let transient = plan(&["--dialect", "v2", "--transient", "1"]).unwrap_err();
        assert!(transient.to_string().contains("has no transient messages"), "{transient}");
    }
}
