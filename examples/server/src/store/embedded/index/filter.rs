//! Bloom filters: which terms a run has not. A term that is in the run is never denied; one that is
//! not, is allowed in about one of a hundred cases.

use std::fmt::{Debug, Formatter, Result as FmtResult};

/// Bits for about 10 times as many terms, in groups of 512: a term's bits are all in one group, so
/// that a look-up costs one or two cache lines.
pub(super) struct Filter {
    groups: Vec<Group>,
    probes: u32,
}

type Group = [u64; 8];

/// How large a filter is, and how many bits a term sets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    pub(super) groups: u32,
    pub(super) probes: u32,
}

impl Filter {
    /// An empty filter for up to so many terms.
    pub(super) fn new(terms: u64) -> Self {
        let groups = terms.saturating_mul(BITS).div_ceil(GROUP_BITS).clamp(1, MOST_GROUPS);
        // The number of probes for which the fewest absent terms are allowed: ln 2 times the bits
        // that there are for a term.
        let best = groups.saturating_mul(GROUP_BITS).saturating_mul(69) / 100 / terms.max(1);
        let probes = u32::try_from(best).unwrap_or(MOST_PROBES).clamp(1, MOST_PROBES);
        let groups = usize::try_from(groups).unwrap_or(1);
        Self { groups: vec![[0; 8]; groups], probes }
    }

    pub(super) fn shape(&self) -> Shape {
        let groups = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        Shape { groups, probes: self.probes }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let place = place(hash, self.groups.len());
        if let Some(group) = self.groups.get_mut(place) {
            for (word, bit) in bits(hash, self.probes) {
                group[word] |= bit;
            }
        }
    }

    /// False only if no term with this hash was inserted.
    pub(super) fn allows(&self, hash: u64) -> bool {
        let group = self.groups.get(place(hash, self.groups.len()));
        group.is_none_or(|group| bits(hash, self.probes).all(|(word, bit)| group[word] & bit != 0))
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

    /// A filter from its parts, one after the other; `None` if they are not of this shape.
    pub(super) fn from_parts(shape: Shape, parts: &[u8]) -> Option<Self> {
        let (groups, rest) = parts.as_chunks::<GROUP_BYTES>();
        let groups = groups.iter().map(group).collect();
        let read = Self { groups, probes: shape.probes.clamp(1, MOST_PROBES) };
        (rest.is_empty() && read.shape() == shape).then_some(read)
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
fn place(hash: u64, groups: usize) -> usize {
    let groups = u64::try_from(groups).unwrap_or(u64::MAX);
    usize::try_from((hash >> 32).saturating_mul(groups) >> 32).unwrap_or(usize::MAX)
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

/// How many bits there are for a term, up to the bound of a filter.
const BITS: u64 = 10;

const GROUP_BITS: u64 = 512;

const GROUP_BYTES: usize = 64;

/// As many as the 64 bits of a hash have places for.
const MOST_PROBES: u32 = 7;

/// 32 MiB. A larger run has fewer bits for each term, and allows more absent ones.
const MOST_GROUPS: u64 = 1 << 19;

/// How many groups are saved in one row: with a checksum, what a page has room for.
const PART_GROUPS: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(seed: u64, count: usize) -> impl Iterator<Item = u64> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(move || random.u64(..)).take(count)
    }

    fn filled(terms: usize) -> Filter {
        let mut filter = Filter::new(terms.try_into().unwrap());
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
            assert!(allowed < 15_000, "{allowed} of 1,000,000 at {terms} terms");
        }
        assert_eq!(allowed(&Filter::new(0)), 0);
    }

    #[test]
    fn a_filter_is_saved_in_parts_that_fit_a_page() {
        let filter = filled(20_000);
        let parts: Vec<Vec<u8>> =
            (0..filter.parts()).map(|part| filter.part(part).collect()).collect();
        assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= 4057 - 8));
        let read = Filter::from_parts(filter.shape(), &parts.concat()).unwrap();
        assert_eq!((read.shape(), read.groups), (filter.shape(), filter.groups.clone()));
        let shorter = &parts[..parts.len() - 1];
        assert!(Filter::from_parts(filter.shape(), &shorter.concat()).is_none());
        assert!(Filter::from_parts(Shape { groups: 1, probes: 8 }, &[0; 64]).is_none());
    }

    #[test]
    fn a_filter_has_at_most_32_mib() {
        let filter = Filter::new(u64::MAX);
        assert_eq!(filter.groups.len() * 64, 32 << 20);
        assert_eq!(filter.shape().probes, 1);
    }
}
