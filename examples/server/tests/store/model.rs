//! What a store must know, worked out the simple way, and messages to store.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fastrand::Rng;
use kefu_proto::{Account, Appended, MsgId, Saves};
use kefu_server::store::embedded::Store;
use rusqlite::Connection;

use crate::common::{SELLER, append, colleagues, customer, marked, note, queue, reply, saves, v2};

/// A message to store.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    kind: u8,
    uid: i64,
    uuid: Option<u8>,
}

/// All that was stored, and what was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    stored: Vec<Draft>,
    queues: BTreeMap<(i64, i64), Vec<MsgId>>,
    /// The first message of each sender, receiver and uuid.
    first: HashMap<(Account, Account, u8), i64>,
    answers: Vec<[Appended; 2]>,
}

impl Draft {
    pub(crate) fn random(random: &mut Rng) -> Self {
        let uuid = random.bool().then(|| random.u8(..40));
        Self { kind: random.u8(..8), uid: random.i64(1..6), uuid }
    }

    pub(crate) fn saves(&self) -> Saves {
        let content = self.uuid.map_or_else(|| String::from("x"), marked);
        let (uid, customer) = (self.uid, customer(self.uid));
        match self.kind {
            0 => note(content),
            1 => reply(uid, content),
            2 => v2(customer, SELLER, content),
            3 => v2(SELLER, customer, content),
            4 | 5 => {
                let [first, second] = colleagues(content);
                if self.kind == 4 { first } else { second }
            }
            _ => saves(uid, content),
        }
    }
}

impl Model {
    /// How many messages are stored.
    pub(crate) fn messages(&self) -> usize {
        self.stored.len()
    }

    /// What a store must answer.
    pub(crate) fn store(&mut self, draft: &Draft) -> [Appended; 2] {
        let saves = draft.saves();
        let accounts = [saves.receiver(), saves.sender()];
        let n = i64::try_from(self.stored.len()).unwrap() + 1;
        if let Some(uuid) = draft.uuid {
            let first = *self.first.entry((accounts[0], accounts[1], uuid)).or_insert(n);
            if first < n {
                return self.answers[usize::try_from(first).unwrap() - 1];
            }
        }
        let [receiver, sender] = accounts;
        let mut append = |account: Account, msgid| {
            let queue = self.queues.entry((account.appid.0, account.uid.0)).or_default();
            let previous = Some(queue.last().copied().unwrap_or(MsgId(0)));
            queue.push(msgid);
            Appended { msgid, previous }
        };
        let answer = [append(receiver, MsgId(2 * n - 1)), append(sender, MsgId(2 * n))];
        self.stored.push(draft.clone());
        self.answers.push(answer);
        answer
    }

    /// The store has exactly this.
    pub(crate) async fn check(&self, store: &Store, dir: &Path) {
        for ((appid, uid), msgids) in &self.queues {
            let account = Account::new((*appid).into(), (*uid).into());
            assert_eq!(queue(store, account).await, *msgids, "{account}");
            assert_eq!(store.newest(account).await.unwrap(), *msgids.last().unwrap());
        }
        assert_eq!(shown(dir), self.queues);
        for (draft, answer) in self.stored.iter().zip(&self.answers) {
            if draft.uuid.is_some() {
                assert_eq!(append(store, draft.saves()).await, *answer, "{draft:?} again");
            }
        }
    }
}

/// What a person sees.
fn shown(dir: &Path) -> BTreeMap<(i64, i64), Vec<MsgId>> {
    let db = Connection::open(dir.join("kefu.db")).unwrap();
    let mut select = db.prepare("SELECT appid, uid, msgid FROM queued ORDER BY msgid").unwrap();
    let mut rows = select.query([]).unwrap();
    let mut queues = BTreeMap::<_, Vec<MsgId>>::new();
    while let Some(row) = rows.next().unwrap() {
        let queue = queues.entry((row.get(0).unwrap(), row.get(1).unwrap())).or_default();
        queue.push(MsgId(row.get(2).unwrap()));
    }
    queues
}
