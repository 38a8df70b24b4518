//! What the environment asks for.

use std::env;
use std::num::NonZero;
use std::thread;

use crate::cast::Size;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) messages: u64,
    /// This world alone.
    pub(crate) world: Option<u64>,
    pub(crate) threads: usize,
    pub(crate) size: Size,
}

impl Settings {
    /// A plain test run is a short one, in small worlds.
    pub(crate) fn from_env() -> Self {
        let (messages, size) =
            if cfg!(debug_assertions) { (4_000, Size::Small) } else { (1_000_000, Size::Any) };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            size,
            seed: number("KEFU_SIM_SEED").unwrap_or(1),
            messages: number("KEFU_SIM_MESSAGES").unwrap_or(messages),
            world: number("KEFU_SIM_WORLD"),
            threads: number("KEFU_SIM_THREADS")
                .map_or(cores, |threads| usize::try_from(threads).unwrap_or(cores).max(1)),
        }
    }
}

/// `1_000_000` is a number, too.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    match text.replace('_', "").parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name}={text}: {error}"),
    }
}
