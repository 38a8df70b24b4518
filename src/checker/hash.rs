//! Hashes that are the same in every run.

use core::hash::{BuildHasherDefault, Hash, Hasher};
use std::collections::{HashMap, HashSet};
use std::hash::DefaultHasher;

pub(super) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
pub(super) type Set<K> = HashSet<K, BuildHasherDefault<DefaultHasher>>;

/// The hash of something that hashes itself.
pub(super) fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
