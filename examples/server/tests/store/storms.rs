//! Random messages, while steps fail, the store is restarted, and it is killed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use kefu_server::store::embedded::{Fault, Options, Step, Store};
use rusqlite::ffi;
use tempfile::TempDir;

use crate::common::answers;
use crate::kills::{busy, copy_folder, in_memory};
use crate::model::{Draft, Model};

#[tokio::test]
async fn a_store_keeps_what_it_has_acknowledged_whatever_fails() {
    for seed in 0..4 {
        storm(seed).await;
    }
}

async fn storm(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let weather = Arc::new(Weather::new(random.u64(..)));
    let (mut model, mut dir) = (Model::default(), in_memory());
    let mut store = open(dir.path(), &weather);
    for _ in 0..150 {
        match random.u8(..20) {
            0 => {
                store.close().await;
                store = open(dir.path(), &weather);
            }
            1 => {
                let killed = kill(&dir);
                store.close().await;
                dir = killed;
                store = open(dir.path(), &weather);
            }
            2 => store.check().await,
            3 => {
                weather.set_calm(true);
                model.check(&store, dir.path()).await;
                weather.set_calm(false);
            }
            _ => {
                let batch: Vec<Draft> =
                    (0..random.usize(1..6)).map(|_| Draft::random(&mut random)).collect();
                save(&store, &batch, &mut model, seed).await;
            }
        }
    }
    weather.set_calm(true);
    model.check(&store, dir.path()).await;
    store.close().await;
    assert!(weather.failed() > 50, "{} steps have failed", weather.failed());
}

/// As a client does: it sends again until there is an ACK.
async fn save(store: &Store, batch: &[Draft], model: &mut Model, seed: u64) {
    for _ in 0..1_000 {
        if let Ok(effects) = store.save(batch.iter().map(Draft::saves).collect()).await {
            for (draft, effects) in batch.iter().zip(&effects) {
                assert_eq!(answers(effects), model.store(draft), "seed {seed}, {draft:?}");
            }
            return;
        }
    }
    panic!("seed {seed}: nothing is stored any more");
}

/// A start may fail, too: then somebody starts it again.
fn open(dir: &Path, weather: &Arc<Weather>) -> Store {
    let mut options: Options = busy();
    options.fault = Some(weather.clone());
    let open = || Store::open(dir, options.clone()).ok();
    (0..1_000).find_map(|_| open()).expect("one start in a thousand succeeds")
}

/// The folder as a process leaves it that is killed now.
fn kill(dir: &TempDir) -> TempDir {
    let killed = in_memory();
    copy_folder(dir.path(), killed.path());
    killed
}

/// Fails one step in four.
struct Weather {
    random: Mutex<Rng>,
    calm: AtomicBool,
    failed: Mutex<usize>,
}

impl Weather {
    fn new(seed: u64) -> Self {
        let random = Mutex::new(Rng::with_seed(seed));
        Self { random, calm: AtomicBool::new(false), failed: Mutex::new(0) }
    }

    fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::SeqCst);
    }

    fn failed(&self) -> usize {
        *self.failed.lock().unwrap()
    }
}

impl Fault for Weather {
    fn permit(&self, _: Step) -> rusqlite::Result<()> {
        const ERRORS: [i32; 4] = [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_FULL,
            ffi::SQLITE_CORRUPT,
        ];
        let mut random = self.random.lock().unwrap();
        if self.calm.load(Ordering::SeqCst) || random.u8(..4) > 0 {
            return Ok(());
        }
        *self.failed.lock().unwrap() += 1;
        let error = ffi::Error::new(*random.choice(ERRORS.iter()).unwrap());
        Err(rusqlite::Error::SqliteFailure(error, None))
    }
}
