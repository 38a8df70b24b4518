//! Places for connections: how many there may be, and how many of them without a login.
//!
//! Connections that have not logged in wait in a pool of their own, in which each address has a
//! bound. Where the pool or an address is full, a newcomer is let in and the one that has waited
//! longest gives way, so that a flood drives out itself: of its address, or else of the address
//! with the most waiting. One whose login is being looked up does not give way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct PlaceBounds {
    /// Of all connections.
    pub total: usize,
    /// Of those without a login.
    pub waiting: usize,
    /// Of those without a login from one address.
    pub per_address: usize,
    /// The leading bits of an IPv6 address that count as one address: 0 to 128.
    pub ipv6_prefix: u8,
}

/// The places of some listeners.
pub struct Places {
    bounds: PlaceBounds,
    state: Mutex<State>,
}

/// There are too many connections, and none of them gives way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full;

/// The connection had to give way to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Evicted;

impl Places {
    pub fn new(bounds: PlaceBounds) -> Arc<Self> {
        Arc::new(Self { bounds, state: Mutex::default() })
    }

    /// A place among those that have not logged in.
    ///
    /// Without an address only the bounds of all count: that is for a connection whose proxy has
    /// not said yet whose it is.
    ///
    /// # Errors
    ///
    /// [`Full`], if no other connection gives way.
    pub fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Place, Full> {
        let PlaceBounds { total, waiting, per_address, .. } = self.bounds;
        let address = peer.map(|peer| self.address(peer));
        let mut state = self.state();
        if address.is_some() && state.waiting_of(address) >= per_address {
            state.evict_oldest_of(address)?;
        } else if state.waiting >= waiting || state.logged_in + state.waiting >= total {
            state.evict_oldest_of_most()?;
        }
        let evicted = CancellationToken::new();
        let ticket = state.wait(address, evicted.clone());
        drop(state);
        let (places, evicted) = (Arc::clone(self), Some(evicted));
        Ok(Place { places, address, ticket, stage: Stage::Waiting, evicted })
    }

    /// An IPv6 address by its prefix, and an IPv4-mapped one as IPv4.
    fn address(&self, peer: IpAddr) -> IpAddr {
        match peer.to_canonical() {
            IpAddr::V6(address) => {
                let rest = 128 - u32::from(self.bounds.ipv6_prefix.min(128));
                let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
            address @ IpAddr::V4(_) => address,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, free again when this is dropped.
pub struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    ticket: Ticket,
    stage: Stage,
    /// Cancelled when the place is taken away. Not needed any more after the login.
    evicted: Option<CancellationToken>,
}

/// How far a connection is, as far as it knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It has not logged in, and may have been evicted.
    Waiting,
    /// Its login is being looked up.
    LoggingIn,
    LoggedIn,
}

impl Place {
    /// The login is about to be looked up: until it is refused, the place is not taken away.
    ///
    /// # Errors
    ///
    /// [`Evicted`], if that has happened already.
    pub fn begin_login(&mut self) -> Result<(), Evicted> {
        if self.stage == Stage::Waiting {
            self.places.state().hold(self.address, self.ticket)?;
            self.stage = Stage::LoggingIn;
        }
        Ok(())
    }

    /// The login was refused. The connection waits again, as long as it has.
    pub fn login_refused(&mut self) {
        if let (Stage::LoggingIn, Some(evicted)) = (self.stage, &self.evicted) {
            self.places.state().release(self.address, self.ticket, evicted.clone());
            self.stage = Stage::Waiting;
        }
    }

    /// The connection has logged in: it is no more among those that wait.
    pub fn logged_in(&mut self) {
        if self.stage != Stage::LoggedIn {
            let mut state = self.places.state();
            state.leave(self.stage, self.address, self.ticket);
            state.logged_in += 1;
            drop(state);
            (self.stage, self.evicted) = (Stage::LoggedIn, None);
        }
    }

    /// Resolves when the connection has to give way to another. Only one that has not logged in
    /// has to.
    pub fn evicted(&self) -> impl Future<Output = ()> + Send + use<> {
        let evicted = self.evicted.clone();
        async move {
            match evicted {
                Some(evicted) => evicted.cancelled_owned().await,
                None => pending().await,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().leave(self.stage, self.address, self.ticket);
    }
}

/// The order in which connections came.
type Ticket = u64;

/// Of an address with connections that may give way: how many there are, then which came first.
/// The greatest rank has the most, and of several such the one who came first.
type Rank = (usize, Reverse<Ticket>);

#[derive(Default)]
struct State {
    next: Ticket,
    logged_in: usize,
    /// Those that have not logged in, without the evicted.
    waiting: usize,
    /// Those that were evicted and have not ended yet.
    leaving: usize,
    /// Who waits, by address.
    addresses: HashMap<Option<IpAddr>, Waiting>,
    ranks: BTreeMap<Rank, Option<IpAddr>>,
}

/// Those of one address that have not logged in.
#[derive(Default)]
struct Waiting {
    /// Those that may give way, the oldest first.
    queue: BTreeMap<Ticket, CancellationToken>,
    /// How many have a login that is being looked up.
    logging_in: usize,
}

impl Waiting {
    fn rank(&self) -> Option<Rank> {
        let (oldest, _) = self.queue.first_key_value()?;
        Some((self.queue.len(), Reverse(*oldest)))
    }
}

impl State {
    fn waiting_of(&self, address: Option<IpAddr>) -> usize {
        self.addresses.get(&address).map_or(0, |waiting| waiting.queue.len() + waiting.logging_in)
    }

    fn wait(&mut self, address: Option<IpAddr>, evicted: CancellationToken) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting += 1;
        self.change(address, |waiting| waiting.queue.insert(ticket, evicted));
        ticket
    }

    fn evict_oldest_of_most(&mut self) -> Result<(), Full> {
        let (_, &address) = self.ranks.last_key_value().ok_or(Full)?;
        self.evict_oldest_of(address)
    }

    fn evict_oldest_of(&mut self, address: Option<IpAddr>) -> Result<(), Full> {
        if self.leaving >= MOST_LEAVING {
            return Err(Full);
        }
        let oldest = self.change(address, |waiting| waiting.queue.pop_first());
        let (_, evicted) = oldest.ok_or(Full)?;
        self.waiting -= 1;
        self.leaving += 1;
        evicted.cancel();
        Ok(())
    }

    fn hold(&mut self, address: Option<IpAddr>, ticket: Ticket) -> Result<(), Evicted> {
        self.change(address, |waiting| {
            waiting.queue.remove(&ticket).ok_or(Evicted)?;
            waiting.logging_in += 1;
            Ok(())
        })
    }

    fn release(&mut self, address: Option<IpAddr>, ticket: Ticket, evicted: CancellationToken) {
        self.change(address, |waiting| {
            waiting.logging_in -= 1;
            waiting.queue.insert(ticket, evicted);
        });
    }

    fn leave(&mut self, stage: Stage, address: Option<IpAddr>, ticket: Ticket) {
        let was_waiting = match stage {
            Stage::Waiting => {
                self.change(address, |waiting| waiting.queue.remove(&ticket)).is_some()
            }
            Stage::LoggingIn => {
                self.change(address, |waiting| waiting.logging_in -= 1);
                true
            }
            Stage::LoggedIn => {
                self.logged_in -= 1;
                return;
            }
        };
        if was_waiting {
            self.waiting -= 1;
        } else {
            self.leaving -= 1;
        }
    }

    /// Changes who waits of an address, and its rank accordingly.
    fn change<T>(&mut self, address: Option<IpAddr>, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let waiting = self.addresses.entry(address).or_default();
        if let Some(rank) = waiting.rank() {
            self.ranks.remove(&rank);
        }
        let changed = change(waiting);
        if let Some(rank) = waiting.rank() {
            self.ranks.insert(rank, address);
        } else if waiting.logging_in == 0 {
            self.addresses.remove(&address);
        }
        changed
    }
}

/// The most evicted connections that may not have ended yet. They end as soon as their tasks run.
pub const MOST_LEAVING: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures_util::FutureExt;

    use super::*;

    fn places(total: usize, waiting: usize, per_address: usize) -> Arc<Places> {
        Places::new(PlaceBounds { total, waiting, per_address, ipv6_prefix: 64 })
    }

    fn enter(places: &Arc<Places>, last: u8) -> Result<Place, Full> {
        places.enter(Some([10, 0, 0, last].into()))
    }

    fn is_evicted(place: &Place) -> bool {
        place.evicted().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_of_a_full_address_gives_way() {
        let places = places(100, 50, 2);
        let [first, second] = [1, 1].map(|last| enter(&places, last).unwrap());
        let other = enter(&places, 2).unwrap();
        let third = enter(&places, 1).unwrap();
        let evicted = [&first, &second, &other, &third].map(is_evicted);
        assert_eq!(evicted, [true, false, false, false]);
    }

    #[test]
    fn in_a_full_pool_the_oldest_of_the_address_with_the_most_gives_way() {
        let places = places(100, 4, 4);
        let entered = [1, 2, 3, 2].map(|last| enter(&places, last).unwrap());
        let newcomer = enter(&places, 4).unwrap();
        assert_eq!(entered.each_ref().map(is_evicted), [false, true, false, false]);
        // Now each has one, and who came first goes.
        let _another = enter(&places, 5).unwrap();
        assert!(is_evicted(&entered[0]) && !is_evicted(&newcomer));
    }

    #[test]
    fn logged_in_ones_stay_and_fill_all_places() {
        let places = places(3, 2, 2);
        let mut online: Vec<_> = (0..3)
            .map(|_| {
                let mut place = enter(&places, 1).unwrap();
                place.begin_login().unwrap();
                place.logged_in();
                place
            })
            .collect();
        assert_eq!(enter(&places, 2).err(), Some(Full));
        assert!(!online.iter().any(is_evicted));
        online.pop();
        let waiting = enter(&places, 2).unwrap();
        // There is no free place, but one that gives way.
        let newcomer = enter(&places, 3).unwrap();
        assert!(is_evicted(&waiting) && !is_evicted(&newcomer));
    }

    #[test]
    fn who_is_being_looked_up_does_not_give_way() {
        let places = places(100, 2, 2);
        let mut first = enter(&places, 1).unwrap();
        first.begin_login().unwrap();
        let mut second = enter(&places, 1).unwrap();
        let _third = enter(&places, 1).unwrap();
        assert!(!is_evicted(&first) && is_evicted(&second));
        assert_eq!(second.begin_login(), Err(Evicted));
        // Refused, it waits as long as it has.
        first.login_refused();
        drop(second);
        let _fourth = enter(&places, 1).unwrap();
        assert!(is_evicted(&first));
        let mut held = enter(&places, 2).unwrap();
        held.begin_login().unwrap();
    }

    #[test]
    fn where_all_are_being_looked_up_a_newcomer_is_refused() {
        let places = places(100, 2, 1);
        let mut held = [1, 2].map(|last| enter(&places, last).unwrap());
        for place in &mut held {
            place.begin_login().unwrap();
        }
        assert_eq!(enter(&places, 1).err(), Some(Full), "its address is full");
        assert_eq!(enter(&places, 3).err(), Some(Full), "the pool is full");
    }

    #[test]
    fn evicted_ones_that_do_not_end_are_bounded() {
        let places = places(1000, 1, 1);
        let entered: Vec<_> = (0..2 * MOST_LEAVING).map_while(|_| enter(&places, 1).ok()).collect();
        assert_eq!(entered.len(), MOST_LEAVING + 1);
    }

    #[test]
    fn addresses_are_told_apart_by_their_prefix() {
        let places = places(100, 50, 1);
        for (one, other, are_alike) in [
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
        ] {
            let first = places.enter(Some(one.parse().unwrap())).unwrap();
            let _second = places.enter(Some(other.parse().unwrap())).unwrap();
            assert_eq!(is_evicted(&first), are_alike, "{one} and {other}");
        }
        let of_proxy = [(), ()].map(|()| places.enter(None).unwrap());
        assert!(!of_proxy.iter().any(is_evicted), "not known yet, so not one address");
    }

    #[test]
    fn every_prefix_is_possible() {
        let all = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX));
        for (ipv6_prefix, expected) in [(0, 0), (1, 1 << 127), (128, u128::MAX), (255, u128::MAX)] {
            let bounds = PlaceBounds { total: 1, waiting: 1, per_address: 1, ipv6_prefix };
            let address = Places::new(bounds).address(all);
            assert_eq!(address, IpAddr::V6(Ipv6Addr::from_bits(expected)), "{ipv6_prefix}");
        }
    }

    /// Random events, beside a model that looks at all connections each time.
    #[test]
    fn whatever_happens_the_bounds_hold_and_the_right_one_gives_way() {
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let bounds = PlaceBounds {
                total: random.usize(1..40),
                waiting: random.usize(1..20),
                per_address: random.usize(1..10),
                ipv6_prefix: 64,
            };
            let places = Places::new(bounds);
            let mut connections: Vec<(u8, Place)> = Vec::new();
            for _ in 0..500 {
                match random.u8(0..10) {
                    0..5 => {
                        let address = random.u8(0..5);
                        let expected = expected_victim(&bounds, &connections, address);
                        let entered = enter(&places, address);
                        assert_eq!(entered.is_ok(), expected.is_ok(), "seed {seed}");
                        if let Ok(Some(victim)) = expected {
                            let at =
                                connections.iter().position(|(_, place)| place.ticket == victim);
                            let (_, victim) = connections.remove(at.unwrap());
                            assert!(is_evicted(&victim), "seed {seed}");
                        }
                        connections.extend(entered.ok().map(|place| (address, place)));
                    }
                    action if !connections.is_empty() => {
                        let at = random.usize(..connections.len());
                        match action {
                            5 => drop(connections.remove(at)),
                            6 => connections[at].1.logged_in(),
                            7 => connections[at].1.login_refused(),
                            _ => connections[at].1.begin_login().unwrap(),
                        }
                    }
                    _ => {}
                }
                assert!(!connections.iter().any(|(_, place)| is_evicted(place)), "seed {seed}");
                let state = places.state();
                let waiting =
                    connections.iter().filter(|(_, place)| place.stage != Stage::LoggedIn);
                assert_eq!(state.waiting, waiting.count(), "seed {seed}");
                assert!(state.waiting <= bounds.waiting, "seed {seed}");
                assert!(state.waiting + state.logged_in <= bounds.total, "seed {seed}");
            }
            connections.clear();
            let state = places.state();
            let State { logged_in, waiting, leaving, addresses, ranks, .. } = &*state;
            assert_eq!((*logged_in, *waiting, *leaving), (0, 0, 0), "seed {seed}");
            assert!(addresses.is_empty() && ranks.is_empty(), "seed {seed}");
        }
    }

    /// Who gives way to a newcomer, if anybody has to; `Err` if nobody can.
    fn expected_victim(
        bounds: &PlaceBounds,
        connections: &[(u8, Place)],
        address: u8,
    ) -> Result<Option<Ticket>, ()> {
        let waiting = || connections.iter().filter(|(_, place)| place.stage != Stage::LoggedIn);
        let evictable = |address: u8| {
            let of_address = waiting().filter(move |(from, _)| *from == address);
            of_address.filter(|(_, place)| place.stage == Stage::Waiting)
        };
        let oldest = |address: u8| evictable(address).map(|(_, place)| place.ticket).min();
        if waiting().filter(|(from, _)| *from == address).count() >= bounds.per_address {
            return oldest(address).map(Some).ok_or(());
        }
        if waiting().count() >= bounds.waiting || connections.len() >= bounds.total {
            let most = (0..5)
                .max_by_key(|&address| (evictable(address).count(), Reverse(oldest(address))));
            return most.and_then(oldest).map(Some).ok_or(());
        }
        Ok(None)
    }

    #[test]
    fn a_flood_costs_little() {
        let places = places(100_000, 50_000, 100);
        let started = Instant::now();
        let mut entered = Vec::new();
        for n in 0..200_000_u32 {
            let address = IpAddr::V4((n % 5_000).into());
            if let Ok(place) = places.enter(Some(address)) {
                entered.push(place);
            }
            if entered.len() > 60_000 {
                entered.swap_remove(usize::try_from(n).unwrap_or(0) % 60_000);
            }
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}
