//! A store that is killed between any two steps that write.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use kefu_server::store::embedded::{Fault, Options, Step, Store};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir, tempdir_in};

use crate::common::answers;
use crate::model::{Draft, Model};

/// Kills the folder before each step: that is how a process leaves it that is killed there.
pub(crate) struct Kills {
    folder: PathBuf,
    place: PathBuf,
    /// How many messages have been acknowledged.
    pub(crate) acknowledged: AtomicUsize,
    made: Mutex<Vec<Kill>>,
}

/// The folder as of a step.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    pub(crate) folder: PathBuf,
    pub(crate) step: Step,
    pub(crate) acknowledged: usize,
}

impl Kills {
    pub(crate) fn new(folder: &Path, place: &Path) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.to_owned(),
            place: place.to_owned(),
            acknowledged: AtomicUsize::new(0),
            made: Mutex::default(),
        })
    }

    pub(crate) fn made(&self) -> Vec<Kill> {
        self.made.lock().unwrap().clone()
    }
}

impl Fault for Kills {
    fn permit(&self, step: Step) -> rusqlite::Result<()> {
        let mut made = self.made.lock().unwrap();
        let folder = self.place.join(made.len().to_string());
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        fs::create_dir(&folder).unwrap();
        copy_folder(&self.folder, &folder);
        made.push(Kill { folder, step, acknowledged });
        Ok(())
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in ["kefu.db", "kefu.db-wal"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// A folder that needs no disk, where there is one: many starts wait for many syncs.
pub(crate) fn in_memory() -> TempDir {
    tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap()
}

/// An index that is always being written: a message or two are frozen, and moved in many steps.
pub(crate) fn busy() -> Options {
    let mut options = Options::default();
    options.tail = NonZeroUsize::new(2).unwrap();
    options.step = NonZeroUsize::new(6).unwrap();
    options
}

/// Of the messages of a batch.
const MOST: usize = 3;

#[tokio::test]
async fn whatever_step_it_is_killed_at_nothing_is_lost_or_doubled() {
    let (dir, place) = (in_memory(), tempdir().unwrap());
    let kills = Kills::new(dir.path(), place.path());
    let mut options = busy();
    options.fault = Some(kills.clone());
    let store = Store::open(dir.path(), options).unwrap();
    let mut random = Rng::with_seed(14);
    let batches: Vec<Vec<Draft>> = (0..70)
        .map(|_| (0..random.usize(1..=MOST)).map(|_| Draft::random(&mut random)).collect())
        .collect();
    // The model after each batch.
    let mut models = vec![Model::default()];
    for batch in &batches {
        let mut model = models.last().unwrap().clone();
        save(&store, batch, &mut model).await;
        kills.acknowledged.store(model.messages(), Ordering::SeqCst);
        models.push(model);
    }
    models.last().unwrap().check(&store, dir.path()).await;
    store.close().await;
    let made = kills.made();
    for step in [Step::Commit, Step::Index, Step::Checkpoint] {
        assert!(made.iter().any(|kill| kill.step == step), "{step:?}");
    }
    for kill in made {
        let dir = in_memory();
        copy_folder(&kill.folder, dir.path());
        go_on(&kill, dir.path(), &models, &batches).await;
    }
}

/// Starts on what a kill has left, and goes on with the batches that it has not stored.
async fn go_on(kill: &Kill, folder: &Path, models: &[Model], batches: &[Vec<Draft>]) {
    let store = Store::open(folder, busy()).unwrap();
    let stored = messages(folder);
    let committed = models.iter().position(|model| model.messages() == stored);
    let Some(at) = committed else { panic!("{kill:?}: {stored} are no whole batches") };
    assert!(stored >= kill.acknowledged, "{kill:?}: {stored}");
    models[at].check(&store, folder).await;
    let mut model = models[at].clone();
    for batch in batches[at..].iter().take(4) {
        save(&store, batch, &mut model).await;
    }
    store.close().await;
    let store = Store::open(folder, Options::default()).unwrap();
    model.check(&store, folder).await;
    store.close().await;
}

pub(crate) async fn save(store: &Store, batch: &[Draft], model: &mut Model) {
    let effects = store.save(batch.iter().map(Draft::saves).collect()).await.unwrap();
    for (draft, effects) in batch.iter().zip(&effects) {
        assert_eq!(answers(effects), model.store(draft), "{draft:?}");
    }
}

/// How many messages a folder has.
fn messages(folder: &Path) -> usize {
    let db = Connection::open(folder.join("kefu.db")).unwrap();
    let count: i64 = db.query_one("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
    count.try_into().unwrap()
}
