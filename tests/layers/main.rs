//! The layers of `src` look only down: imports form no cycle, and no layer names one above it.
//!
//! What counts is the text: the paths that a file imports or names, without comments, strings and
//! tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

mod graph;
mod order;
mod paths;
mod tokens;
mod tree;

use std::path::Path;

use graph::cycle;
use order::{Order, above};
use tree::{Import, Tree};

const LIBRARY: &str = "src";
const SERVER: &str = "examples/server/src";
const LOAD: &str = "examples/load/src";

#[test]
fn the_library_has_no_cycle() {
    assert_no_cycle(&read(LIBRARY));
}

#[test]
fn the_library_keeps_the_order_of_contributing() {
    let order = Order::in_section(&text("CONTRIBUTING.md"), "## The layers");
    assert_order(&read(LIBRARY), &order);
}

#[test]
fn the_library_imports_from_where_things_are_defined() {
    assert_nothing_through_the_root(&read(LIBRARY));
}

/// The server's order is at the top of its `lib.rs`.
#[test]
fn the_server_keeps_its_own_order_without_a_cycle() {
    let tree = read(SERVER);
    assert_no_cycle(&tree);
    assert_order(&tree, &Order::in_docs(&text("examples/server/src/lib.rs")));
    assert_nothing_through_the_root(&tree);
}

#[test]
fn the_load_tool_has_no_cycle() {
    let tree = read(LOAD);
    assert_no_cycle(&tree);
    assert_nothing_through_the_root(&tree);
}

fn assert_no_cycle(tree: &Tree) {
    let imports = tree.imports();
    let cycle = cycle(&imports).unwrap_or_default();
    let way: Vec<&str> = cycle.iter().map(|import| import.from.as_str()).collect();
    let back = way.first().copied().unwrap_or_default();
    assert!(cycle.is_empty(), "a cycle: {} → {back}\n{}", way.join(" → "), lines(&cycle));
}

fn assert_order(tree: &Tree, order: &Order) {
    assert_eq!(tree.rooms(), order.rooms(), "rooms on the left, what is listed on the right");
    let imports = tree.imports();
    let upward = above(order, &imports);
    assert!(upward.is_empty(), "imports from a room that is not below:\n{}", lines(&upward));
}

fn assert_nothing_through_the_root(tree: &Tree) {
    let imports = tree.imports();
    let through: Vec<&Import> = imports.iter().filter(|import| import.to == tree.root()).collect();
    assert!(through.is_empty(), "imports through the crate's root:\n{}", lines(&through));
}

fn lines(imports: &[&Import]) -> String {
    let lines: Vec<String> = imports.iter().map(|import| format!("    {import}")).collect();
    lines.join("\n")
}

fn read(folder: &str) -> Tree {
    Tree::read(&project().join(folder))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
