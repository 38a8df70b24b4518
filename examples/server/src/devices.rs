//! How many new names of devices an account may bring in a day, since each is kept for ever.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kefu_proto::{Account, Platform};

/// Counts the names that no login has brought before.
pub struct NewDevices {
    /// The most of one account in a day.
    most: usize,
    hasher: RandomState,
    day: Mutex<Day>,
}

struct Day {
    since: Instant,
    /// Hashes of the names of each account.
    names: HashMap<Account, HashSet<u64>>,
    all: usize,
}

impl NewDevices {
    /// At most this many names of one account in a day; 0: no bound.
    pub fn new(most: u32) -> Self {
        let most = if most == 0 { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) };
        Self { most, hasher: RandomState::new(), day: Mutex::new(Day::new()) }
    }

    /// Whether the account may bring this new name. The same name counts once.
    pub fn admit(&self, account: Account, name: &[u8], platform: Platform) -> bool {
        if self.most == usize::MAX {
            return true;
        }
        let name = self.hasher.hash_one((name, platform.0));
        // No panic can leave it half changed.
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.since.elapsed() >= DAY || day.all >= MOST_NAMES {
            *day = Day::new();
        }
        let names = day.names.entry(account).or_default();
        if names.contains(&name) {
            return true;
        }
        if names.len() >= self.most {
            return false;
        }
        names.insert(name);
        day.all += 1;
        true
    }
}

impl Day {
    fn new() -> Self {
        Self { since: Instant::now(), names: HashMap::new(), all: 0 }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// With more names, of all accounts, a day is over: this bounds the memory.
const MOST_NAMES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    fn account(uid: i64) -> Account {
        Account::new(AppId(7), UserId(uid))
    }

    #[test]
    fn an_account_brings_so_many_new_names_and_no_more() {
        let devices = NewDevices::new(2);
        let admit = |uid, name: &str| devices.admit(account(uid), name.as_bytes(), Platform::IOS);
        assert!(admit(1, "a") && admit(1, "a") && admit(1, "b"));
        assert!(!admit(1, "c") && admit(1, "a"));
        assert!(!devices.admit(account(1), b"a", Platform::ANDROID), "another device");
        assert!(admit(2, "c"), "another account");
    }

    #[test]
    fn the_names_of_all_accounts_are_bounded() {
        let devices = NewDevices::new(1);
        for uid in 0..i64::try_from(MOST_NAMES).unwrap_or(0) + 10 {
            assert!(devices.admit(account(uid), b"a", Platform::IOS));
        }
        let day = devices.day.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((day.names.len(), day.all), (10, 10));
    }

    #[test]
    fn zero_is_no_bound() {
        let devices = NewDevices::new(0);
        let names = 0..1000_u32;
        assert!(names.into_iter().all(|n| devices.admit(
            account(1),
            &n.to_be_bytes(),
            Platform::IOS
        )));
    }
}
