//! Cycles of imports.

use std::collections::{BTreeMap, VecDeque};

use crate::tree::Import;

/// The imports of a shortest cycle, each from the file that the one before it leads to.
pub(crate) fn cycle(imports: &[Import]) -> Option<Vec<&Import>> {
    let mut from: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        from.entry(&import.from).or_default().push(import);
    }
    from.keys().filter_map(|file| way_back(file, &from)).min_by_key(Vec::len)
}

/// The shortest way from a file to itself.
fn way_back<'a>(file: &str, from: &BTreeMap<&str, Vec<&'a Import>>) -> Option<Vec<&'a Import>> {
    let mut last: BTreeMap<&str, &Import> = BTreeMap::new();
    let mut waiting = VecDeque::from([file]);
    while let Some(here) = waiting.pop_front() {
        for &import in from.get(here).into_iter().flatten() {
            if last.contains_key(import.to.as_str()) {
                continue;
            }
            last.insert(&import.to, import);
            if import.to == file {
                return Some(trace(file, &last));
            }
            waiting.push_back(&import.to);
        }
    }
    None
}

/// Back from the end by the import that led to each file first.
fn trace<'a>(file: &str, last: &BTreeMap<&str, &'a Import>) -> Vec<&'a Import> {
    let mut way = vec![last[file]];
    while way[way.len() - 1].from != file {
        way.push(last[way[way.len() - 1].from.as_str()]);
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;

    fn shortest(files: &[(&str, &str)]) -> Option<Vec<String>> {
        let imports = tree(files).imports();
        cycle(&imports).map(|way| way.iter().map(|import| import.from.clone()).collect())
    }

    #[test]
    fn imports_downward_are_no_cycle() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::X;"),
            ("a/mod.rs", "mod c; pub use c::Y; use crate::b::Z;"),
            ("a/c.rs", "use crate::b::Z;"),
            ("b.rs", "#[cfg(test)] mod tests { use crate::a::X; }"),
        ];
        assert_eq!(shortest(&files), None);
    }

    #[test]
    fn two_files_that_name_each_other() {
        let files =
            [("lib.rs", ""), ("a.rs", "use crate::b::X;"), ("b.rs", "fn f() { super::a::g() }")];
        assert_eq!(shortest(&files).unwrap(), ["a.rs", "b.rs"]);
    }

    #[test]
    fn a_child_that_imports_from_a_parent_that_names_it() {
        let files =
            [("lib.rs", ""), ("a/mod.rs", "mod c; pub use c::X;"), ("a/c.rs", "use super::Y;")];
        assert_eq!(shortest(&files).unwrap(), ["a/c.rs", "a/mod.rs"]);
    }

    #[test]
    fn the_shortest_of_several() {
        let files = [
            ("lib.rs", ""),
            ("a.rs", "use crate::b::X;"),
            ("b.rs", "use crate::c::X;"),
            ("c.rs", "use crate::{a, d};"),
            ("d.rs", "use crate::c::X;"),
        ];
        assert_eq!(shortest(&files).unwrap(), ["c.rs", "d.rs"]);
    }
}
