//! A source text as words and signs, without what the compiler does not read as code.

/// A word, or a sign: `::` is one, every other sign is a single character.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

/// The tokens of a text but those of comments, strings, characters and items marked `#[cfg(test)]`.
pub(crate) fn code(text: &str) -> Vec<Token<'_>> {
    without_tests(&tokens(text))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let skipped = skipped(rest);
        let (taken, after) = rest.split_at(skipped.unwrap_or_else(|| token(rest, first)));
        if skipped.is_none() {
            found.push(Token { text: taken, line });
        }
        line += taken.matches('\n').count();
        rest = after;
    }
    found
}

fn token(text: &str, first: char) -> usize {
    if is_word(first) {
        text.find(|c| !is_word(c)).unwrap_or(text.len())
    } else if text.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of what a text begins with, if that is no token: space, a comment, a string, a
/// character.
fn skipped(text: &str) -> Option<usize> {
    if text.starts_with(char::is_whitespace) {
        return Some(text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len()));
    }
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if text.starts_with('\'') {
        return Some(character(text));
    }
    string(text)
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let step = match &text[at..] {
            rest if rest.starts_with("/*") => {
                depth += 1;
                2
            }
            rest if rest.starts_with("*/") => {
                depth -= 1;
                2
            }
            rest => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// `'a'` and `'\n'`, or the quote of the lifetime `'a`, whose name is left as a word.
fn character(text: &str) -> usize {
    let mut inner = text.char_indices().skip(1);
    match (inner.next(), inner.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            text[escaped + 1..].find('\'').map_or(text.len(), |end| escaped + 1 + end + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

/// `"…"`, `b"…"`, `c"…"`, and the raw ones with any number of `#`.
fn string(text: &str) -> Option<usize> {
    let prefix = text.len() - text.trim_start_matches(['b', 'c', 'r']).len();
    let raw = text[..prefix].ends_with('r');
    let hashes = if raw { text[prefix..].chars().take_while(|&c| c == '#').count() } else { 0 };
    let inner = text[prefix + hashes..].strip_prefix('"').filter(|_| prefix <= 2)?;
    let length = if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        inner.find(&end).map_or(inner.len(), |at| at + end.len())
    } else {
        quoted(inner)
    };
    Some(text.len() - inner.len() + length)
}

fn quoted(inner: &str) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    inner.len()
}

fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((&token, after)) = rest.split_first() {
        let attribute = attribute(rest);
        if is_test(&rest[..attribute]) {
            rest = &rest[attribute..];
            rest = &rest[item(rest)..];
        } else {
            kept.push(token);
            rest = after;
        }
    }
    kept
}

/// How many tokens the attribute has that stands here: none where there is none.
fn attribute(tokens: &[Token<'_>]) -> usize {
    match tokens {
        [hash, bracket, ..] if hash.text == "#" && bracket.text == "[" => 1 + group(&tokens[1..]),
        _ => 0,
    }
}

fn is_test(attribute: &[Token<'_>]) -> bool {
    let has = |word| attribute.iter().any(|token| token.text == word);
    attribute.get(2).is_some_and(|token| token.text == "cfg") && has("test") && !has("not")
}

/// The number of tokens of the item at the front, attributes included: it ends with its `;` or its
/// block.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    let mut is_use = false;
    while let Some(token) = tokens.get(at) {
        is_use |= token.text == "use";
        match token.text {
            ";" => return at + 1,
            "{" if !is_use => return at + group(&tokens[at..]),
            "(" | "[" | "{" => at += group(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

/// How many tokens there are from a bracket to the one that closes it.
fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        code(text).iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(words("a // b\n/// c\n/* d /* e */ f */ g"), ["a", "g"]);
    }

    #[test]
    fn strings_are_no_code() {
        assert_eq!(words(r##"a "b \" c" d r#"e " f"# g b"h" i"##), ["a", "d", "g", "i"]);
    }

    #[test]
    fn characters_are_no_code_and_lifetimes_are_words() {
        assert_eq!(words(r"a 'b' '\'' '\u{1F}' '{' &'c d"), ["a", "&", "c", "d"]);
    }

    #[test]
    fn tests_are_left_out() {
        assert_eq!(words("a; #[cfg(test)] mod tests { b { c } } d"), ["a", ";", "d"]);
        assert_eq!(words("#[cfg(all(test, x))] #[y] use a::{b}; c"), ["c"]);
        assert_eq!(words("#[cfg(not(test))] a").last(), Some(&"a"));
    }

    #[test]
    fn a_token_knows_its_line() {
        let lines: Vec<usize> = code("a\n\"\n\"\n::b").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 4, 4]);
    }
}
