//! The tokens file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use kefu_proto::{Account, AppId, UserId};
use serde::Deserialize;
use thiserror::Error;

/// The accounts by their tokens.
#[derive(Debug)]
pub struct Tokens(HashMap<String, Account>);

impl Tokens {
    /// Reads a tokens file: TOML, one line per token.
    ///
    /// # Errors
    ///
    /// [`TokensError`], if the file cannot be read, is malformed, or has an appid or uid of 0.
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(TokensError::Unreadable { path, source }),
        };
        let entries: HashMap<String, Entry> = match toml::from_str(&text) {
            Ok(entries) => entries,
            Err(error) => return Err(TokensError::parse(path, &text, &error)),
        };
        if let Some((token, _)) = entries.iter().find(|(_, entry)| entry.is_nobody()) {
            return Err(TokensError::Nobody { path, token: token.clone() });
        }
        Ok(Self(entries.into_iter().map(|(token, entry)| (token, entry.account())).collect()))
    }

    /// The account of a token. A token that is not UTF-8 has none.
    pub fn account(&self, token: &[u8]) -> Option<Account> {
        self.0.get(str::from_utf8(token).ok()?).copied()
    }
}

/// A token of the demo: one customer, one seller.
#[derive(Clone, Debug)]
pub struct DemoToken {
    pub token: String,
    pub account: Account,
}

/// The demo's tokens, and the text of a tokens file that has them.
pub fn demo(kefu_appid: AppId) -> (Vec<DemoToken>, String) {
    let customer_appid = if kefu_appid == AppId(7) { AppId(8) } else { AppId(7) };
    let accounts = [Account::new(customer_appid, UserId(1)), Account::new(kefu_appid, UserId(2))];
    let tokens: Vec<_> = accounts
        .map(|account| DemoToken {
            token: format!("tok-{}-{}", account.appid, account.uid),
            account,
        })
        .into();
    let lines = tokens.iter().map(|DemoToken { token, account: Account { appid, uid } }| {
        format!("\"{token}\" = {{ appid = {appid}, uid = {uid} }}\n")
    });
    let text = DEMO_HEAD.to_owned() + &lines.collect::<String>();
    (tokens, text)
}

const DEMO_HEAD: &str = "\
# Who may log in: one line per token. These tokens are for a first look: replace them before you
# let others in.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    appid: i64,
    uid: i64,
}

impl Entry {
    const fn is_nobody(&self) -> bool {
        self.appid == 0 || self.uid == 0
    }

    const fn account(&self) -> Account {
        Account::new(AppId(self.appid), UserId(self.uid))
    }
}

/// Why a tokens file cannot be used.
#[derive(Debug, Error)]
pub enum TokensError {
    #[error("cannot read the tokens file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {message}; a line is \"token\" = {{ appid = 7, uid = 1 }}", path.display())]
    Malformed { path: PathBuf, line: usize, message: String },
    #[error("{}: the token \"{token}\" names nobody: appid and uid must not be 0", path.display())]
    Nobody { path: PathBuf, token: String },
}

impl TokensError {
    fn parse(path: PathBuf, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|&byte| byte == b'\n').count() + 1;
        Self::Malformed { path, line, message: error.message().replace('\n', " ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tokens, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Tokens::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_demo_file_knows_its_own_tokens() {
        let (tokens, text) = demo(AppId(1453));
        let known = read(&text).unwrap();
        assert_eq!(known.0.len(), 2);
        for DemoToken { token, account } in tokens {
            assert_eq!(known.account(token.as_bytes()), Some(account));
        }
        assert_eq!(known.account(b"tok-7-2"), None);
        assert_eq!(known.account(b"\xff"), None);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_place() {
        for (text, place) in [
            ("\"a\" = { appid = 7, uid = 1 }\n\"b\" = { appid = 7 }\n", ":2: "),
            ("\"a\" = { appid = 7, uid = 1, name = 3 }\n", ":1: "),
            ("\n\nnonsense\n", ":3: "),
            ("\"a\" = { appid = 7, uid = 0 }\n", "names nobody"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let missing = Tokens::read(Path::new("/nowhere/tokens.toml")).unwrap_err().to_string();
        assert!(
            missing.starts_with("cannot read the tokens file /nowhere/tokens.toml: "),
            "{missing}"
        );
    }
}
