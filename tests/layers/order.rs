//! The order of the rooms, as it is written down for people.

use std::collections::BTreeSet;

use crate::tree::Import;

/// The rooms from the lowest up. Those of one line stand beside each other: none may name another.
pub(crate) struct Order {
    lines: Vec<Vec<String>>,
}

impl Order {
    /// The list in the section of a page that has this heading.
    pub(crate) fn in_section(page: &str, heading: &str) -> Self {
        let lines = page.lines().skip_while(|&line| line != heading).skip(1);
        Self::listed(lines.take_while(|line| !line.starts_with("## ")))
    }

    /// The list in the documentation that a file begins with.
    pub(crate) fn in_docs(file: &str) -> Self {
        Self::listed(file.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start))
    }

    /// From items like "- `wire`: frames" and "- `codec`, `strategy`: features".
    fn listed<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let items = lines.filter(|line| line.starts_with("- `"));
        let names = items.filter_map(|item| item.split_once(':')).map(|(names, _)| names);
        let rooms = |names: &str| names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Self { lines: names.map(rooms).collect() }
    }

    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.lines.iter().flatten().map(String::as_str).collect()
    }

    fn place(&self, room: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.iter().any(|name| name == room))
    }
}

/// The imports from a room that is not below the importing one. The crate's root is not listed: it
/// is left out.
pub(crate) fn above<'a>(order: &Order, imports: &'a [Import]) -> Vec<&'a Import> {
    let is_above = |import: &&Import| {
        let (from, to) = (room(&import.from), room(&import.to));
        let places = order.place(from).zip(order.place(to));
        from != to && places.is_some_and(|(from, to)| to >= from)
    };
    imports.iter().filter(is_above).collect()
}

fn room(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::tree;

    const PAGE: &str =
        "- `z`: no\n## The layers\nLowest:\n\n- `a`: x: `y`\n- `b`, `c`: v\n## Next\n- `d`: u";

    #[test]
    fn an_order_is_a_list_in_a_section() {
        assert_eq!(Order::in_section(PAGE, "## The layers").lines, [vec!["a"], vec!["b", "c"]]);
    }

    #[test]
    fn an_order_is_a_list_in_the_docs() {
        let file = "//! Text.\n//!\n//! - `a`: x\n//! - `b`: y\n\nmod a; //! - `c`: z";
        assert_eq!(Order::in_docs(file).lines, [["a"], ["b"]]);
    }

    #[test]
    fn a_room_may_name_those_below_it_alone() {
        let order = Order::in_section(PAGE, "## The layers");
        let files = [
            ("lib.rs", "pub use c::X;"),
            ("a.rs", "use crate::b::X;"),
            ("b/mod.rs", "use crate::{a::X, c::X};"),
            ("b/d.rs", "use super::X;"),
            ("c.rs", "use crate::{a::X, Y};"),
        ];
        let imports = tree(&files).imports();
        let found: Vec<_> = above(&order, &imports).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["a.rs:1 names crate::b::X of b/mod.rs", "b/mod.rs:1 names crate::c::X of c.rs"]
        );
    }
}
