//! What scripts are about.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::id::{Account, AppId};
use crate::identity::Config;

/// Who takes part in a script, and how often what happens.
///
/// A share is a probability: from 0.0, never, to 1.0, always; what is outside counts as the nearer
/// end. A range that is empty counts as its start.
///
/// ```
/// use kefu_proto::script::Knobs;
///
/// let only_apps_of_version_2 = Knobs { v2: 1.0, web: 0.0, ..Knobs::default() };
/// # let _ = only_apps_of_version_2;
/// ```
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The kefu app. Default: 1453.
    pub config: Config,
    /// How many customers there are: users 1, 2 and so on of the apps 7 and 8, in turn. At least
    /// one. Default: 1 to 3.
    pub customers: RangeInclusive<usize>,
    /// How many sellers there are: users 1, 2 and so on of the kefu app. At least one.
    /// Default: 1 to 2.
    pub sellers: RangeInclusive<usize>,
    /// How many clients each account has. At least one. Default: 1 to 2.
    pub devices: RangeInclusive<usize>,
    /// The share of clients that speak version 2. Default: 0.5.
    pub v2: f64,
    /// The share of web clients. Default: 0.25.
    pub web: f64,
    /// How many steps a script has, before all clients come back and catch up. A step that needs a
    /// client to come first may make two of one. Default: 1 to 30.
    pub steps: RangeInclusive<usize>,
    /// The share of steps in which a client leaves, or comes if it is away. Default: 0.2.
    pub leaves: f64,
    /// Of those that leave, the share that say something and leave at once. Default: 0.5.
    pub in_flight: f64,
    /// The share of steps in which a client asks for its queue, from its own key or from the one
    /// that the server has kept, or has the server keep an older one. Default: 0.15.
    pub syncs: f64,
    /// The share of steps in which a client says again what has no ACK, or what it has said last.
    /// Default: 0.1.
    pub repeats: f64,
    /// The share of steps in which a login is refused, or comes when the client is logged in.
    /// Default: 0.05.
    pub logins: f64,
    /// The share of steps that let one of the next four saves fail. Default: 0.1.
    pub save_failures: f64,
    /// Of the other steps, in which a client says something, the share in which it is refused: it
    /// is said in another's name, from the wrong app, or to seller 0. Default: 0.1.
    pub refused: f64,
    /// How many messages a client says at once. At least one. Default: 1 to 3.
    pub burst: RangeInclusive<usize>,
    /// The share of messages that are UNPERSISTENT. Default: 0.2.
    pub unpersistent: f64,
    /// The token of an account. Default: `tok-7-1` is user 1 of app 7.
    pub token: fn(Account) -> String,
    /// What a message says. Messages have different numbers, and they should differ, so that the
    /// checker can tell them apart. Default: a JSON object with a `uuid` (S10).
    pub content: fn(number: u32) -> Vec<u8>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            config: CONFIG,
            customers: 1..=3,
            sellers: 1..=2,
            devices: 1..=2,
            v2: 0.5,
            web: 0.25,
            steps: 1..=30,
            leaves: 0.2,
            in_flight: 0.5,
            syncs: 0.15,
            repeats: 0.1,
            logins: 0.05,
            save_failures: 0.1,
            refused: 0.1,
            burst: 1..=3,
            unpersistent: 0.2,
            token: |Account { appid, uid }| format!("tok-{appid}-{uid}"),
            content: |number| format!(r#"{{"text":"{number}","uuid":"{number}"}}"#).into_bytes(),
        }
    }
}

const CONFIG: Config = match Config::new(AppId(1453)) {
    Ok(config) => config,
    Err(_) => panic!("the kefu app is not 0"),
};
