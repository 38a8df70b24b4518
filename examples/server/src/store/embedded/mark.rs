//! Marks, by which repeats are found (S10).

use kefu_proto::{Account, Saves};
use sha2::{Digest, Sha256};

use crate::uuid;

/// A hash of a message's sender, receiver and uuid. It is stored, so the hash must not change.
///
/// Two messages may share a mark: whether they are the same is decided by comparing them.
pub(super) type Mark = i64;

/// The mark of a message that is to be stored, if it has a uuid.
pub(super) fn mark_of(saves: &Saves) -> Option<Mark> {
    mark(saves.sender(), saves.receiver(), saves.message().content())
}

/// The mark of a message, if its content has a uuid.
///
/// The hash is a cryptographic one: nobody can find a uuid that has the mark of another's message,
/// which would then not be recognised when it is repeated.
pub(super) fn mark(sender: Account, receiver: Account, content: &[u8]) -> Option<Mark> {
    let uuid = uuid::find(content)?;
    let mut hash = Sha256::new();
    for Account { appid, uid } in [sender, receiver] {
        hash.update(appid.0.to_be_bytes());
        hash.update(uid.0.to_be_bytes());
    }
    hash.update(uuid.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    hash.first_chunk().map(|first| Mark::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use kefu_proto::{AppId, UserId};

    use super::*;

    /// The begin of the SHA-256 of five values, made with another program.
    #[test]
    fn a_mark_does_not_change() {
        let [sender, receiver] =
            [(7, 1), (1453, 2)].map(|(appid, uid)| Account::new(AppId(appid), UserId(uid)));
        let of = |sender, receiver, uuid: &str| {
            mark(sender, receiver, format!(r#"{{"uuid":"{uuid}"}}"#).as_bytes()).unwrap()
        };
        assert_eq!(of(sender, receiver, "a"), 5_121_620_022_915_663_014);
        assert_ne!(of(sender, receiver, "a"), of(receiver, sender, "a"));
        assert_ne!(of(sender, receiver, "a"), of(sender, receiver, "b"));
        assert_eq!(mark(sender, receiver, b"a"), None);
    }
}
