//! Who writes to whom, how much and how long: what is decided before the first connection.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use kefu_proto::{Account, AppId, UserId};

use crate::args::Args;
use crate::content::Format;
use crate::failure::Failure;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The servers of the service.
    pub(crate) addrs: Vec<String>,
    pub(crate) format: Format,
    pub(crate) customers: u32,
    pub(crate) sellers: u32,
    pub(crate) window: usize,
    pub(crate) transient: u8,
    pub(crate) target: Target,
    pub(crate) timeout: Duration,
    /// How long all clients stay silent before the first message.
    pub(crate) idle: Duration,
    appid: AppId,
    kefu_appid: AppId,
}

/// When a customer has sent enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Time(Duration),
    /// Messages per customer.
    Count(u32),
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
        let format = Format::new(run_id(), usize::from(args.size));
        let least = format.least(args.customers);
        if format.size() < least {
            return Err(Failure::Size { size: format.size(), least });
        }
        let time = Duration::from_secs(args.seconds.into());
        Ok(Self {
            addrs: args.addr.clone(),
            format,
            customers: args.customers,
            sellers: args.sellers,
            window: usize::from(args.window),
            transient: args.transient,
            target: args.count.map_or(Target::Time(time), Target::Count),
            timeout: Duration::from_secs(args.timeout.into()),
            idle: Duration::from_secs(args.idle.into()),
            appid: AppId(args.appid),
            kefu_appid: AppId(args.kefu_appid),
        })
    }

    pub(crate) fn account(&self, role: Role, uid: u32) -> Account {
        let appid = match role {
            Role::Customer => self.appid,
            Role::Seller => self.kefu_appid,
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
        1 + (customer - 1) % self.sellers
    }

    /// Spreads the transient messages evenly: a function of the number, so that none are
    /// remembered.
    pub(crate) fn is_transient(&self, number: u32) -> bool {
        let before = |number: u64| number * u64::from(self.transient) / 100;
        let number = u64::from(number);
        before(number) != before(number + 1)
    }

    /// The tokens file of a server (TOML).
    pub(crate) fn tokens(&self) -> String {
        let customers = (1..=self.customers).map(|uid| self.account(Role::Customer, uid));
        let sellers = (1..=self.sellers).map(|uid| self.account(Role::Seller, uid));
        customers.chain(sellers).fold(String::new(), |mut file, account| {
            let Account { appid, uid } = account;
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{:?} = {{ appid = {appid}, uid = {uid} }}", token(account));
            file
        })
    }
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
    use super::*;

    fn plan(args: &[&str]) -> Result<Plan, Failure> {
        Plan::new(&Args::from_options(args.iter().copied()).unwrap())
    }

    #[test]
    fn transient_messages_are_spread_evenly() {
        for (percent, expected) in [("0", 0), ("1", 10), ("33", 330), ("100", 1_000)] {
            let plan = plan(&["--transient", percent]).unwrap();
            assert_eq!((0..1_000).filter(|&number| plan.is_transient(number)).count(), expected);
        }
        let half = plan(&["--transient", "50"]).unwrap();
        assert!((0..100).all(|number| half.is_transient(number) == (number % 2 == 1)));
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
    }
}
