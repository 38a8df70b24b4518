//! The tokens file.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use kefu_proto::{Account, AppId, UserId};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::watch;

/// The accounts by their tokens, as a file has them.
pub struct Tokens {
    path: PathBuf,
    demo: DemoTokens,
    keys: [RandomState; 2],
    accounts: RwLock<HashMap<TokenDigest, Account>>,
    changes: watch::Sender<()>,
}

/// Stands for a token, which is not kept. It means nothing outside of this process.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TokenDigest([u64; 2]);

/// Whether a file may have the tokens of the demo, which everybody knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DemoTokens {
    Allowed,
    Refused,
}

impl Tokens {
    /// Reads a tokens file: TOML, one line per token.
    ///
    /// # Errors
    ///
    /// [`TokensError`], if the file cannot be read, is malformed, has an appid or uid of 0, or has
    /// demo tokens that are refused.
    pub fn read(path: &Path, demo: DemoTokens) -> Result<Self, TokensError> {
        let keys = [RandomState::new(), RandomState::new()];
        let (path, accounts) = (path.to_owned(), RwLock::default());
        let tokens = Self { path, demo, keys, accounts, changes: watch::Sender::default() };
        tokens.reload()?;
        Ok(tokens)
    }

    /// Reads the file again. Returns the tokens that are gone, or of another account now, with the
    /// account that they were of.
    ///
    /// # Errors
    ///
    /// [`TokensError`]. Then the old tokens stay.
    pub fn reload(&self) -> Result<HashMap<TokenDigest, Account>, TokensError> {
        let entries = read_entries(&self.path, self.demo)?.into_iter();
        let new: HashMap<_, _> = entries
            .map(|(token, entry)| (self.digest(token.as_bytes()), entry.account()))
            .collect();
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::replace(&mut *accounts, new);
        old.retain(|digest, account| accounts.get(digest) != Some(account));
        drop(accounts);
        self.changes.send_replace(());
        Ok(old)
    }

    /// The account of a token.
    pub fn account(&self, token: &[u8]) -> Option<Account> {
        self.account_of(self.digest(token))
    }

    /// The account of a token that was seen before; `None` if the token has gone.
    pub fn account_of(&self, token: TokenDigest) -> Option<Account> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&token).copied()
    }

    /// Resolves once a token is not of this account any more.
    pub async fn withdrawn(&self, token: TokenDigest, account: Account) {
        let mut changes = self.changes.subscribe();
        while self.account_of(token) == Some(account) {
            // It has a sender for as long as this is borrowed.
            let _ = changes.changed().await;
        }
    }

    /// What stands for a token while this process runs.
    pub fn digest(&self, token: &[u8]) -> TokenDigest {
        TokenDigest(self.keys.each_ref().map(|key| key.hash_one(token)))
    }
}

fn read_entries(path: &Path, demo: DemoTokens) -> Result<HashMap<String, Entry>, TokensError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(TokensError::Unreadable { path, source }),
    };
    let entries: HashMap<String, Entry> = match toml::from_str(&text) {
        Ok(entries) => entries,
        Err(error) => return Err(TokensError::parse(path, &text, &error)),
    };
    if entries.values().any(Entry::is_nobody) {
        return Err(TokensError::Nobody { path });
    }
    if let Some(length) = entries.keys().map(String::len).find(|length| !LENGTHS.contains(length)) {
        return Err(TokensError::Length { path, length });
    }
    if demo == DemoTokens::Refused
        && let Some((token, _)) = entries.iter().find(|(token, entry)| entry.is_demo(token))
    {
        return Err(TokensError::Demo { path, token: token.clone() });
    }
    Ok(entries)
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
    let tokens: Vec<_> =
        accounts.map(|account| DemoToken { token: demo_token(account), account }).into();
    let lines = tokens.iter().map(|DemoToken { token, account: Account { appid, uid } }| {
        format!("\"{token}\" = {{ appid = {appid}, uid = {uid} }}\n")
    });
    let text = DEMO_HEAD.to_owned() + &lines.collect::<String>();
    (tokens, text)
}

fn demo_token(Account { appid, uid }: Account) -> String {
    format!("tok-{appid}-{uid}")
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

    /// Whether it is in the demo of any kefu app.
    fn is_demo(&self, token: &str) -> bool {
        matches!(self.uid, 1 | 2) && token == demo_token(self.account())
    }

    const fn account(&self) -> Account {
        Account::new(AppId(self.appid), UserId(self.uid))
    }
}

/// In bytes: what a client can send, and not nothing.
const LENGTHS: RangeInclusive<usize> = 1..=255;

/// Why a tokens file cannot be used.
#[derive(Debug, Error)]
pub enum TokensError {
    #[error("cannot read the tokens file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {message}; a line is \"token\" = {{ appid = 7, uid = 1 }}", path.display())]
    Malformed { path: PathBuf, line: usize, message: String },
    #[error("{}: a token names nobody: appid and uid must not be 0", path.display())]
    Nobody { path: PathBuf },
    #[error("{}: a token has {length} bytes: it must have 1 to 255", path.display())]
    Length { path: PathBuf, length: usize },
    #[error(
        "{}: everybody knows the demo token \"{token}\": replace it before you let others in",
        path.display()
    )]
    Demo { path: PathBuf, token: String },
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

    fn read(text: &str, demo: DemoTokens) -> Result<Tokens, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Tokens::read(file.path(), demo).map_err(|error| error.to_string())
    }

    #[test]
    fn a_demo_file_knows_its_own_tokens() {
        let (tokens, text) = demo(AppId(1453));
        let known = read(&text, DemoTokens::Allowed).unwrap();
        assert_eq!(known.accounts.read().unwrap().len(), 2);
        for DemoToken { token, account } in tokens {
            assert_eq!(known.account(token.as_bytes()), Some(account));
        }
        assert_eq!(known.account(b"tok-7-2"), None);
        assert_eq!(known.account(b"\xff"), None);
    }

    #[test]
    fn demo_tokens_are_refused_where_others_can_use_them() {
        let refused = |text: &str| read(text, DemoTokens::Refused).err();
        for kefu_appid in [1453, 7, 99] {
            let (tokens, text) = demo(AppId(kefu_appid));
            assert!(refused(&text).unwrap().contains("demo token"), "{text}");
            // One of them is enough.
            for DemoToken { token, .. } in tokens {
                let rest = text.replace(&token, "a-secret");
                assert!(refused(&rest).unwrap().contains("demo token"), "{rest}");
            }
        }
        assert_eq!(refused("\"my-own\" = { appid = 7, uid = 1 }"), None);
        assert_eq!(refused("\"tok-7-1\" = { appid = 8, uid = 1 }"), None);
    }

    #[test]
    fn read_again_it_tells_which_tokens_are_gone_or_moved_and_keeps_them_on_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| fs::write(file.path(), text).unwrap();
        write("a = { appid = 7, uid = 1 }\nb = { appid = 7, uid = 2 }\nc = { appid = 7, uid = 3 }");
        let tokens = Tokens::read(file.path(), DemoTokens::Allowed).unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|token| tokens.digest(token.as_bytes()));
        assert_eq!(tokens.reload().unwrap(), HashMap::new());
        write("nonsense");
        assert!(tokens.reload().is_err() && tokens.account(b"a").is_some());
        write("a = { appid = 7, uid = 1 }\nb = { appid = 7, uid = 9 }\nd = { appid = 7, uid = 3 }");
        let of = |uid| Account::new(AppId(7), UserId(uid));
        assert_eq!(tokens.reload().unwrap(), HashMap::from([(b, of(2)), (c, of(3))]));
        assert_eq!(tokens.account_of(a), Some(of(1)));
        assert_eq!(tokens.account_of(b), Some(of(9)));
        assert_eq!(tokens.account_of(c), None);
        assert!(tokens.account(b"d").is_some());
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_place() {
        for (text, place) in [
            ("\"a\" = { appid = 7, uid = 1 }\n\"b\" = { appid = 7 }\n", ":2: "),
            ("\"a\" = { appid = 7, uid = 1, name = 3 }\n", ":1: "),
            ("\n\nnonsense\n", ":3: "),
            ("\"a\" = { appid = 7, uid = 0 }\n", "names nobody"),
            ("\"\" = { appid = 7, uid = 1 }\n", "has 0 bytes"),
        ] {
            let error = read(text, DemoTokens::Allowed).err().unwrap();
            assert!(error.contains(place), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let missing = Path::new("/nowhere/tokens.toml");
        let missing = Tokens::read(missing, DemoTokens::Allowed).err().unwrap().to_string();
        assert!(
            missing.starts_with("cannot read the tokens file /nowhere/tokens.toml: "),
            "{missing}"
        );
    }
}
