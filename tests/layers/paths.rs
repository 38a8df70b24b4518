//! The paths that a file names: in its `use` declarations and in its code.

use crate::tokens::Token;

/// A path from the crate's root.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// What the tokens of a module's file name. A path may begin with a child's name, so `is_module`
/// tells which modules there are.
pub(crate) fn paths(
    tokens: &[Token<'_>],
    module: &[String],
    is_module: impl Fn(&[String]) -> bool,
) -> Vec<Named> {
    let mut reader = Reader { tokens, at: 0, blocks: Vec::new(), named: Vec::new() };
    reader.read();
    let resolved = reader.named.into_iter().filter_map(|raw| {
        let here: Vec<String> =
            module.iter().cloned().chain(raw.inside.into_iter().map(str::to_owned)).collect();
        Some(Named { path: resolve(&raw.words, here, &is_module)?, line: raw.line })
    });
    resolved.collect()
}

/// None for what another crate has.
fn resolve(
    words: &[&str],
    mut here: Vec<String>,
    is_module: impl Fn(&[String]) -> bool,
) -> Option<Vec<String>> {
    let mut words = words.iter().copied().peekable();
    match *words.peek()? {
        "crate" => {
            words.next();
            here.clear();
        }
        "self" => {
            words.next();
        }
        "super" => {
            while words.next_if_eq(&"super").is_some() {
                here.pop();
            }
        }
        child => {
            let path: Vec<String> = here.iter().cloned().chain([child.to_owned()]).collect();
            if !is_module(&path) {
                return None;
            }
        }
    }
    here.extend(words.map(str::to_owned));
    Some(here)
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// The blocks around this place, with the names of those that are modules.
    blocks: Vec<Option<&'a str>>,
    named: Vec<Raw<'a>>,
}

/// A path as it is written, and the modules of its file that it is written in.
struct Raw<'a> {
    words: Vec<&'a str>,
    inside: Vec<&'a str>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        while let Some(token) = self.next() {
            match token.text {
                "mod" if self.sign(1) == "{" => {
                    let name = self.next().map(|token| token.text);
                    self.next();
                    self.blocks.push(name);
                }
                "{" => self.blocks.push(None),
                "}" => drop(self.blocks.pop()),
                "use" if self.sign(0) != "<" => self.branch(&[]),
                "pub" if self.sign(0) == "(" && self.sign(1) == "in" => {
                    while self.next().is_some_and(|token| token.text != ")") {}
                }
                _ if token.is_word() && self.begins_a_path() => self.path(token),
                _ => {}
            }
        }
    }

    /// One branch of a `use` tree, behind the words before it.
    fn branch(&mut self, before: &[&'a str]) {
        let mut words = before.to_vec();
        let mut line = 0;
        while let Some(token) = self.next() {
            line = token.line;
            match token.text {
                // The path of another crate.
                "::" if words.is_empty() => words.push("::"),
                "::" | "*" => {}
                "{" => return self.branches(&words),
                "as" => self.at += 1,
                "," | "}" | ";" => {
                    self.at -= 1;
                    break;
                }
                "self" if !words.is_empty() => {}
                word => words.push(word),
            }
        }
        self.add(words, line);
    }

    fn branches(&mut self, before: &[&'a str]) {
        while !["}", ""].contains(&self.sign(0)) {
            self.branch(before);
            if self.sign(0) == "," {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Whether the word just read is the first of a path of several words.
    fn begins_a_path(&self) -> bool {
        let before = self.at.checked_sub(2).map_or("", |at| self.tokens[at].text);
        let continues =
            self.sign(0) == "::" && self.tokens.get(self.at + 1).is_some_and(Token::is_word);
        continues && !["::", "."].contains(&before)
    }

    fn path(&mut self, first: Token<'a>) {
        let mut words = vec![first.text];
        while self.sign(0) == "::" {
            let Some(word) = self.tokens.get(self.at + 1).filter(|token| token.is_word()) else {
                break;
            };
            words.push(word.text);
            self.at += 2;
        }
        self.add(words, first.line);
    }

    fn add(&mut self, words: Vec<&'a str>, line: usize) {
        let inside = self.blocks.iter().copied().flatten().collect();
        self.named.push(Raw { words, inside, line });
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    /// The text of a token further on; nothing behind the end.
    fn sign(&self, further: usize) -> &'a str {
        self.tokens.get(self.at + further).map_or("", |token| token.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::code;

    /// What a text in the module `a::b` names, where `a::b::child` is a module.
    fn named(text: &str) -> Vec<String> {
        let here = ["a".to_owned(), "b".to_owned()];
        let found = paths(&code(text), &here, |path| path.join("::") == "a::b::child");
        found.into_iter().map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn a_use_of_one_thing() {
        assert_eq!(named("use crate::x::Y;"), ["x::Y"]);
        assert_eq!(named("pub(crate) use super::x as z;"), ["a::x"]);
        assert_eq!(named("use self::x;"), ["a::b::x"]);
        assert_eq!(named("use super::super::x::*;"), ["x"]);
    }

    #[test]
    fn a_use_of_groups() {
        assert_eq!(named("use crate::{x, y::{self, Z as W, v::*}, };"), ["x", "y", "y::Z", "y::v"]);
        assert_eq!(named("use {crate::x, super::y}; crate::z::f();"), ["x", "a::y", "z::f"]);
    }

    #[test]
    fn a_path_in_code() {
        assert_eq!(
            named("fn f() -> crate::x::Y<super::z::W> { $crate::v!() }"),
            ["x::Y", "a::z::W", "v"]
        );
        assert_eq!(named("<T as crate::x::Y>::z::w"), ["x::Y"]);
        assert_eq!(named("child::f(); x.child::<T>(); other::child::f()"), ["a::b::child::f"]);
    }

    #[test]
    fn a_child_without_a_prefix() {
        assert_eq!(
            named("mod child; pub use child::{X, Y};"),
            ["a::b::child::X", "a::b::child::Y"]
        );
    }

    #[test]
    fn other_crates_are_left_out() {
        assert_eq!(
            named("use std::fmt; use ::child::x; use bytes::{Buf, Bytes}; ::std::f()"),
            [""; 0]
        );
    }

    #[test]
    fn a_visibility_is_no_import() {
        assert_eq!(
            named("pub(in crate::x) fn f() {} pub(super) mod c; pub(crate) struct S;"),
            [""; 0]
        );
    }

    #[test]
    fn a_module_inside_of_the_file() {
        assert_eq!(
            named("mod m { use super::x; fn f() { super::super::y::f() } } use super::z;"),
            ["a::b::x", "a::y::f", "a::z"]
        );
    }

    #[test]
    fn what_captures_is_no_use() {
        assert_eq!(named("fn f<'a>() -> impl T + use<'a> {} use crate::x;"), ["x"]);
    }
}
