//! Bloom filters: which terms a run has not. A term that is in the run is never denied; one that is
//! not, is allowed in less than one of three hundred cases.

use std::fmt::{Debug, Formatter, Result as FmtResult};

/// 16 bits for each term, in groups of 512: a term's bits are all in one group, so that a look-up
/// costs one or two cache lines.
///
/// A filter is filled group by group, with zeros or with what was saved, because tens of megabytes
/// at once would take milliseconds.
pub(super) struct Filter {
    shape: Shape,
    groups: Vec<Group>,
}

type Group = [u64; 8];

/// How large a filter is, and how many bits a term sets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    pub(super) groups: u32,
    pub(super) probes: u32,
}

impl Shape {
    /// The best for up to so many terms.
    fn of(terms: u64) -> Self {
        let groups = terms.saturating_mul(BITS).div_ceil(GROUP_BITS).clamp(1, MOST_GROUPS.into());
        // The number of probes for which the fewest absent terms are allowed: ln 2 times the bits
        // that there are for a term.
        let best = groups.saturating_mul(GROUP_BITS).saturating_mul(69) / 100 / terms.max(1);
        let probes = u32::try_from(best).unwrap_or(MOST_PROBES).clamp(1, MOST_PROBES);
        Self { groups: u32::try_from(groups).unwrap_or(MOST_GROUPS), probes }
    }

    fn is_possible(self) -> bool {
        (1..=MOST_GROUPS).contains(&self.groups) && (1..=MOST_PROBES).contains(&self.probes)
    }

    fn groups(self) -> usize {
        usize::try_from(self.groups).unwrap_or(usize::MAX)
    }
}

impl Filter {
    /// A filter for up to so many terms, without any groups yet.
    pub(super) fn new(terms: u64) -> Self {
        let shape = Shape::of(terms);
        Self { shape, groups: Vec::with_capacity(shape.groups()) }
    }

    /// The same for a saved filter; `None` if none has this shape.
    pub(super) fn of_shape(shape: Shape) -> Option<Self> {
        shape.is_possible().then(|| Self { shape, groups: Vec::with_capacity(shape.groups()) })
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether all groups are there. Before that nothing may be inserted.
    pub(super) fn is_whole(&self) -> bool {
        self.groups.len() == self.shape.groups()
    }

    /// Adds the next part, without any term.
    pub(super) fn grow(&mut self) {
        let length = self.groups.len().saturating_add(PART_GROUPS);
        self.groups.resize(length.min(self.shape.groups()), [0; 8]);
    }

    /// Adds the next part as it was saved; false if it does not fit.
    pub(super) fn append(&mut self, part: &[u8]) -> bool {
        let (groups, rest) = part.as_chunks::<GROUP_BYTES>();
        let fits = self.groups.len().saturating_add(groups.len()) <= self.shape.groups();
        if fits && rest.is_empty() {
            self.groups.extend(groups.iter().map(group));
        }
        fits && rest.is_empty()
    }

    pub(super) fn insert(&mut self, hash: u64) {
        debug_assert!(self.is_whole(), "the bits would be lost");
        if let Some(group) = self.groups.get_mut(place(hash, self.shape.groups)) {
            for (word, bit) in bits(hash, self.shape.probes) {
                group[word] |= bit;
            }
        }
    }

    /// False only if no term with this hash was inserted.
    pub(super) fn allows(&self, hash: u64) -> bool {
        let Some(group) = self.groups.get(place(hash, self.shape.groups)) else { return true };
        bits(hash, self.shape.probes).all(|(word, bit)| group[word] & bit != 0)
    }

    /// How many parts it is saved in.
    pub(super) const fn parts(&self) -> usize {
        self.groups.len().div_ceil(PART_GROUPS)
    }

    /// The bytes of a part.
    pub(super) fn part(&self, part: usize) -> impl Iterator<Item = u8> {
        let groups = self.groups.iter().skip(part.saturating_mul(PART_GROUPS)).take(PART_GROUPS);
        groups.flatten().flat_map(|word| word.to_le_bytes())
    }
}

impl Debug for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.debug_struct("Filter").field("groups", &self.groups.len()).finish_non_exhaustive()
    }
}

fn group(bytes: &[u8; GROUP_BYTES]) -> Group {
    let mut group = [0; 8];
    for (word, bytes) in group.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    group
}

/// The group of a hash: its upper half, scaled.
fn place(hash: u64, groups: u32) -> usize {
    usize::try_from((hash >> 32).saturating_mul(groups.into()) >> 32).unwrap_or(usize::MAX)
}

/// Words and bits in a group. They depend on the hash's lower half most.
fn bits(hash: u64, probes: u32) -> impl Iterator<Item = (usize, u64)> {
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..probes).map(move |probe| {
        let bit = mixed >> (1 + 9 * probe);
        let [low, ..] = (bit >> 6 & 7).to_le_bytes();
        (usize::from(low), 1 << (bit & 63))
    })
}

/// How many bits there are for a term, up to the bound of a filter. With 10, one of a hundred absent
/// terms was allowed, and looking those up was an eighth of the time of the thread that writes.
const BITS: u64 = 16;

const GROUP_BITS: u64 = 512;

const GROUP_BYTES: usize = 64;

/// As many as the 64 bits of a hash have places for.
const MOST_PROBES: u32 = 7;

/// 32 MiB. A larger run has fewer bits for each term, and allows more absent ones.
const MOST_GROUPS: u32 = 1 << 19;

/// How many groups are saved in one row: with a checksum, what a page has room for.
const PART_GROUPS: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(seed: u64, count: usize) -> impl Iterator<Item = u64> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(move || random.u64(..)).take(count)
    }

    fn empty(terms: u64) -> Filter {
        let mut filter = Filter::new(terms);
        while !filter.is_whole() {
            filter.grow();
        }
        filter
    }

    fn filled(terms: usize) -> Filter {
        let mut filter = empty(terms.try_into().unwrap());
        hashes(1, terms).for_each(|hash| filter.insert(hash));
        filter
    }

    /// How many of a million absent terms are allowed.
    fn allowed(filter: &Filter) -> usize {
        hashes(2, 1_000_000).filter(|hash| filter.allows(*hash)).count()
    }

    #[test]
    fn no_term_is_denied_and_few_absent_ones_are_allowed() {
        for terms in [1, 50, 3000, 50_000] {
            let filter = filled(terms);
            assert!(hashes(1, terms).all(|hash| filter.allows(hash)));
            let allowed = allowed(&filter);
            assert!(allowed < 3_000, "{allowed} of 1,000,000 at {terms} terms");
        }
        assert_eq!(allowed(&empty(0)), 0);
    }

    #[test]
    fn a_filter_is_saved_in_parts_that_fit_a_page() {
        let filter = filled(20_000);
        let parts: Vec<Vec<u8>> =
            (0..filter.parts()).map(|part| filter.part(part).collect()).collect();
        assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= 4057 - 8));
        let mut read = Filter::of_shape(filter.shape).unwrap();
        for part in &parts {
            assert!(!read.is_whole());
            assert!(read.append(part));
        }
        assert!(read.is_whole());
        assert_eq!(read.groups, filter.groups);
        assert!(!read.append(&parts[0]), "there is no room");
        assert!(!Filter::of_shape(filter.shape).unwrap().append(&parts[0][1..]));
    }

    #[test]
    fn a_filter_that_is_not_whole_denies_nothing() {
        let mut filter = Filter::new(20_000);
        assert!(hashes(1, 1000).all(|hash| filter.allows(hash)));
        filter.grow();
        assert!(!hashes(1, 1000).all(|hash| filter.allows(hash)));
    }

    #[test]
    fn a_filter_has_at_most_32_mib() {
        let Shape { groups, probes } = Shape::of(u64::MAX);
        assert_eq!((groups * 64, probes), (32 << 20, 1));
        assert!(Filter::of_shape(Shape { groups: groups + 1, probes: 1 }).is_none());
        assert!(Filter::of_shape(Shape { groups: 0, probes: 1 }).is_none());
        assert!(Filter::of_shape(Shape { groups, probes: 8 }).is_none());
    }
}
