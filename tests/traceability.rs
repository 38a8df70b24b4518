//! Every rule of the protocol is cited beside the code that keeps it and at a test, and no other
//! number is cited.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const SPEC: &str = include_str!("../src/spec.md");

#[test]
fn every_rule_stands_beside_the_code_that_keeps_it() {
    let cited = files("src").iter().flat_map(|file| citations(code(&file.text))).collect();
    assert_eq!(missing(&cited), Vec::<&str>::new(), "rules without a line in src");
}

#[test]
fn every_rule_has_a_test_that_names_it() {
    let cited = [files("src"), files("tests")]
        .iter()
        .flatten()
        .flat_map(|file| tests_of(&file.text))
        .flat_map(|test| citations(&test).into_iter().chain(in_name(&test)).collect::<Vec<_>>())
        .collect();
    assert_eq!(missing(&cited), Vec::<&str>::new(), "rules without a test");
}

/// A whole section may be cited by its number without a point, and a range by both of its ends.
#[test]
fn every_number_that_is_cited_is_in_the_document() {
    let known: BTreeSet<String> =
        rules().iter().flat_map(|&rule| [rule.to_owned(), section(rule).to_owned()]).collect();
    let mut unknown = BTreeMap::new();
    for folder in ["src", "tests", "benches", "examples", "README.md", "CHANGELOG.md"] {
        for file in files(folder) {
            let cited = citations(&file.text).into_iter().chain(
                tests_of(&file.text).iter().flat_map(|test| in_name(test)).collect::<Vec<_>>(),
            );
            let wrong: BTreeSet<String> = cited.filter(|mark| !known.contains(mark)).collect();
            if !wrong.is_empty() {
                unknown.insert(file.path, wrong);
            }
        }
    }
    assert_eq!(unknown, BTreeMap::new());
}

/// A rule that stands twice would be two rules.
#[test]
fn every_rule_has_a_number_of_its_own_and_one_of_the_words() {
    let rules = rules();
    assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), rules.len());
    assert!(rules.len() > 80, "{} rules: is the document read at all?", rules.len());
    for section in rules.iter().map(|rule| section(rule)).collect::<BTreeSet<_>>() {
        let heading = format!("\n## {section} ");
        let (_, rest) = SPEC.split_once(&heading).unwrap_or_else(|| panic!("no heading {section}"));
        let text = rest.split("\n#").next().unwrap();
        let normative = text.contains("MUST") || text.contains("MAY") || text.contains(" is ");
        assert!(normative, "{section} asks for nothing");
    }
}

#[test]
fn the_ways_of_citing() {
    assert_eq!(
        citations("// H7.1, then H7.2 (W5), not xH1, H1x, A1 or H7."),
        ["H7.1", "H7.2", "W5", "H7"]
    );
    let text = "/// H9.1: its seq.\n#[test]\nfn w3_2_a_thing() {}\n\n/// S1.1\nfn no_test() {}\n";
    assert_eq!(tests_of(text), ["/// H9.1: its seq.\nfn w3_2_a_thing() {}"]);
    assert_eq!(in_name("fn s10_2_w5_a_thing() {"), ["S10.2", "W5"]);
    assert_eq!(in_name("fn a_thing_of_s1() {"), Vec::<String>::new());
    assert_eq!(code("a // W1.1\n\nmod tests { // W1.2"), "a // W1.1\n");
}

/// The document's rules, in its order: what a list item begins with in bold.
fn rules() -> Vec<&'static str> {
    let items = SPEC.lines().filter_map(|line| line.strip_prefix("- **"));
    items
        .filter_map(|item| item.split_once("** "))
        .map(|(rule, _)| rule)
        .filter(|rule| is_mark(rule))
        .collect()
}

fn section(rule: &str) -> &str {
    rule.split_once('.').map_or(rule, |(section, _)| section)
}

fn missing(cited: &BTreeSet<String>) -> Vec<&'static str> {
    rules().into_iter().filter(|&rule| !cited.contains(rule)).collect()
}

struct File {
    path: PathBuf,
    text: String,
}

/// The texts in a folder of the project, or the one file of that name, without the document and
/// this test.
fn files(name: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(name)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            if path.ends_with("target") {
                continue;
            }
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if is_text(&path) {
            found.push(File { text: fs::read_to_string(&path).unwrap(), path });
        }
    }
    found
}

fn is_text(path: &Path) -> bool {
    let itself = ["src/spec.md", "tests/traceability.rs"].iter().any(|name| path.ends_with(name));
    !itself && path.extension().is_some_and(|ending| ending == "rs" || ending == "md")
}

/// A file without the tests at its end.
fn code(text: &str) -> &str {
    text.find("\nmod tests {").map_or(text, |end| &text[..end])
}

/// Each test's documentation and the line with its name.
fn tests_of(text: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let (mut head, mut is_test) = (String::new(), false);
    for line in text.lines().map(str::trim_start) {
        match line {
            "#[test]" => is_test = true,
            _ if line.starts_with("///") => head.extend([line, "\n"]),
            _ if line.starts_with("#[") => {}
            _ => {
                if is_test && line.starts_with("fn ") {
                    tests.push(head.clone() + line);
                }
                (head, is_test) = (String::new(), false);
            }
        }
    }
    tests
}

/// Numbers as they are written in a text: `H2`, `H7.1`.
fn citations(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| is_mark(word))
        .map(str::to_owned)
        .collect()
}

fn is_mark(word: &str) -> bool {
    let Some(number) = word.strip_prefix(['W', 'H', 'S', 'D']) else { return false };
    let mut parts = number.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.by_ref().take(2).all(is_number) && parts.next().is_none()
}

/// Numbers at the front of a test's name: `s10_2_w5_` are S10.2 and W5.
fn in_name(test: &str) -> Vec<String> {
    let mut marks: Vec<String> = Vec::new();
    let name = test.lines().last().and_then(|line| line.strip_prefix("fn ")).unwrap_or_default();
    for word in name.split(['_', '(']) {
        if is_mark(&word.to_uppercase()) {
            marks.push(word.to_uppercase());
        } else if let (Some(last), Ok(part)) = (marks.last_mut(), word.parse::<u8>()) {
            *last = format!("{last}.{part}");
        } else {
            break;
        }
    }
    marks
}
