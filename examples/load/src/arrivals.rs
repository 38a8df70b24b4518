//! Which messages have arrived at a client, in the order in which they came.

use std::collections::HashMap;
use std::ops::Range;

use crate::content::Mark;

/// The messages that have arrived, by customer. In runs: a client that misses nothing has few.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// The second part of the key is whether they are intact.
    runs: HashMap<(u32, bool), Vec<Range<u32>>>,
}

impl Arrivals {
    pub(crate) fn add(&mut self, Mark { customer, number, intact }: Mark) {
        let runs = self.runs.entry((customer, intact)).or_default();
        match runs.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => runs.push(number..number + 1),
        }
    }

    /// Each customer's messages in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Mark> {
        self.runs.iter().flat_map(|(&(customer, intact), runs)| {
            let numbers = runs.iter().cloned().flatten();
            numbers.map(move |number| Mark { customer, number, intact })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_customers_messages_come_back_as_they_came() {
        let mut arrivals = Arrivals::default();
        for (customer, number) in [(1, 0), (2, 5), (1, 1), (1, 3), (1, 3), (2, 6), (1, 2)] {
            arrivals.add(Mark { customer, number, intact: true });
        }
        arrivals.add(Mark { customer: 1, number: 4, intact: false });
        let of = |uid, whole| {
            let its = arrivals.iter().filter(move |m| (m.customer, m.intact) == (uid, whole));
            its.map(|mark| mark.number).collect::<Vec<_>>()
        };
        assert_eq!(of(1, true), [0, 1, 3, 3, 2]);
        assert_eq!(of(2, true), [5, 6]);
        assert_eq!(of(1, false), [4]);
    }
}
