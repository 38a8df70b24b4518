//! Which clients make trouble.

/// The share of the clients for each kind of trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub(crate) churn: Share,
    pub(crate) repeat: Share,
    pub(crate) slow: Share,
    pub(crate) hostile: Share,
}

/// A share in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) u8);

impl Share {
    /// How many of so many clients: rounded up, so that a share of few clients is not nobody.
    pub(crate) fn of(self, clients: u32) -> u32 {
        let share = (u64::from(clients) * u64::from(self.0)).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Whether a client is among them. Its uid is 1 or more; they are spread evenly.
    pub(crate) fn includes(self, uid: u32) -> bool {
        self.0 > 0 && self.of(uid) != self.of(uid - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_spread_evenly_and_rounded_up() {
        for (percent, clients, expected) in
            [(0, 100, 0), (1, 3, 1), (10, 20, 2), (33, 200, 66), (50, 5, 3), (100, 7, 7)]
        {
            let share = Share(percent);
            assert_eq!(share.of(clients), expected, "{percent}% of {clients}");
            let included = (1..=clients).filter(|&uid| share.includes(uid)).count();
            assert_eq!(u32::try_from(included), Ok(expected), "{percent}% of {clients}");
        }
        let quarter: Vec<_> = (1..=10).filter(|&uid| Share(25).includes(uid)).collect();
        assert_eq!(quarter, [1, 5, 9]);
    }
}
