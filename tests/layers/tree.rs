//! The files of a crate, and what each imports from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::paths::paths;
use crate::tokens::code;

/// The files of a folder by the modules that they are.
pub(crate) struct Tree {
    modules: BTreeMap<Vec<String>, File>,
}

struct File {
    /// Relative to the folder, with `/`.
    name: String,
    text: String,
}

/// One file names something that another has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    path: String,
    line: usize,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, path, line } = self;
        write!(f, "{from}:{line} names crate::{path} of {to}")
    }
}

impl Tree {
    /// The sources of one crate. The programs beside a library are other crates.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut names = Vec::new();
        collect(folder, "", &mut names);
        let has_library = names.iter().any(|name| name == "lib.rs");
        names.retain(|name| !(name.starts_with("bin/") || has_library && name == "main.rs"));
        let files = names.into_iter().map(|name| {
            let text = fs::read_to_string(folder.join(&name)).unwrap();
            (name, text)
        });
        Self::of(files)
    }

    fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(name, text)| (module(&name), File { name, text }));
        Self { modules: files.collect() }
    }

    /// The file of the crate itself.
    pub(crate) fn root(&self) -> &str {
        &self.modules[&Vec::new()].name
    }

    /// The modules right below the crate's root.
    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.modules.keys().filter_map(|module| module.first()).map(String::as_str).collect()
    }

    /// What each file names of the others, with the first place where it does.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found: Vec<Import> = Vec::new();
        for (module, file) in &self.modules {
            for named in paths(&code(&file.text), module, |path| self.modules.contains_key(path)) {
                let to = self.file_of(&named.path);
                let path = named.path.join("::");
                let known = |import: &Import| import.from == file.name && import.path == path;
                if to.name != file.name && !found.iter().any(known) {
                    let (from, to) = (file.name.clone(), to.name.clone());
                    found.push(Import { from, to, path, line: named.line });
                }
            }
        }
        found
    }

    /// The innermost module of a path that is a file.
    fn file_of(&self, path: &[String]) -> &File {
        let mut lengths = (0..=path.len()).rev();
        lengths.find_map(|length| self.modules.get(&path[..length])).unwrap()
    }
}

/// The names of all sources in a folder, in a fixed order.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names);
        } else if Path::new(&name).extension().is_some_and(|ending| ending == "rs") {
            names.push(name);
        }
    }
}

/// `wire/frame.rs` is the module `wire::frame`, `wire/mod.rs` is `wire`, and `lib.rs` is the crate.
fn module(name: &str) -> Vec<String> {
    let name = name.strip_suffix(".rs").unwrap();
    let name = name.strip_suffix("/mod").unwrap_or(name);
    match name {
        "lib" | "main" => Vec::new(),
        _ => name.split('/').map(str::to_owned).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
        Tree::of(files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())))
    }

    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        tree(files).imports().iter().map(Import::to_string).collect()
    }

    #[test]
    fn a_path_leads_to_the_innermost_file() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a/mod.rs", "mod c;"),
            ("a/c.rs", ""),
            ("b.rs", "use crate::a::c::X;\n\nuse crate::a::{Y, c};"),
        ];
        assert_eq!(
            edges(&files),
            [
                "b.rs:1 names crate::a::c::X of a/c.rs",
                "b.rs:3 names crate::a::Y of a/mod.rs",
                "b.rs:3 names crate::a::c of a/c.rs"
            ]
        );
    }

    #[test]
    fn a_name_of_the_crate_is_its_roots() {
        let files =
            [("lib.rs", "mod a; mod b; pub use a::X;"), ("a.rs", ""), ("b.rs", "use crate::X;")];
        assert_eq!(
            edges(&files),
            ["lib.rs:1 names crate::a::X of a.rs", "b.rs:1 names crate::X of lib.rs"]
        );
    }

    #[test]
    fn what_a_file_names_of_its_own_is_no_import() {
        assert_eq!(
            edges(&[("main.rs", "mod a { use super::X; } fn f() { self::a::g() }")]),
            [""; 0]
        );
    }

    #[test]
    fn rooms_are_files_and_folders() {
        let files = [("lib.rs", ""), ("a/mod.rs", ""), ("a/c.rs", ""), ("b.rs", "")];
        assert!(tree(&files).rooms().into_iter().eq(["a", "b"]));
        assert_eq!(tree(&files).root(), "lib.rs");
    }
}
