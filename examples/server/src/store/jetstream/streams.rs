//! The streams: missing ones are created, existing ones are never altered.

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, RequestError,
    RequestErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context, ErrorCode, kv};
use kefu_proto::MsgId;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::store::jetstream::subject;
use crate::store::jetstream::timing::RETRY_PAUSE;
use crate::store::push::PushBounds;

/// How the streams are configured.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many streams the queues are spread over.
    pub shards: usize,
    /// How many NATS servers have each copy.
    pub replicas: usize,
    /// Added to a sequence to get its msgid, so that msgids are greater than this.
    pub after: MsgId,
    /// How long a repeat is recognised.
    pub duplicate_window: Duration,
    /// How long messages are kept; zero: forever.
    pub retain: Duration,
    /// The most bytes of a stream, whose oldest messages are removed then; -1: no limit.
    pub retain_bytes: i64,
    /// The most pushes that wait.
    pub pushes: PushBounds,
    /// Exclusive upper bound of a message's body, in bytes.
    pub frame_limit: usize,
}

impl Settings {
    fn stream(&self, name: String, subject: String) -> Config {
        Config {
            name,
            subjects: vec![subject],
            storage: StorageType::File,
            num_replicas: self.replicas,
            duplicate_window: self.duplicate_window,
            // NATS turns 0 into this, so it compares equal.
            max_bytes: -1,
            ..Config::default()
        }
    }
}

/// The streams of the queues, by shard.
pub(super) async fn queues(
    context: &Context,
    settings: &Settings,
) -> Result<Vec<Stream>, SettingsError> {
    let mut streams = Vec::with_capacity(settings.shards);
    for config in queue_configs(settings) {
        streams.push(stream(context, config).await?);
    }
    Ok(streams)
}

/// The push outbox. One that was made with other bounds is used as it is.
pub(super) async fn pushes(
    context: &Context,
    settings: &Settings,
) -> Result<Stream, SettingsError> {
    let wanted = push_config(settings);
    let stream = stream(context, wanted.clone()).await?;
    let is = &stream.cached_info().config;
    let bounds = |config: &Config| (config.max_messages, config.max_messages_per_subject);
    if bounds(is) != bounds(&wanted) {
        let (all, account) = bounds(&wanted);
        tracing::warn!(
            max_msgs = is.max_messages,
            max_msgs_per_subject = is.max_messages_per_subject,
            "stream {PUSHES} has other bounds than --max-pushes and --account-pushes, and keeps \
             them; to change them: nats stream edit {PUSHES} --discard new \
             --discard-per-subject --max-msgs {all} --max-msgs-per-subject {account}",
        );
    }
    Ok(stream)
}

/// A key-value bucket: a stream with these settings is one.
pub(super) async fn bucket(
    context: &Context,
    settings: &Settings,
    name: &str,
) -> Result<kv::Store, SettingsError> {
    stream(context, bucket_config(settings, name)).await?;
    context.get_key_value(name).await.map_err(|error| SettingsError::nats(name, error))
}

/// Refuses to make a stream whose numbers clients have seen: they would be given again.
pub(super) async fn refuse_loss(
    context: &Context,
    settings: &Settings,
) -> Result<(), SettingsError> {
    let (mut is_used, mut has_queues, mut missing) = (false, false, Vec::new());
    for wanted in all(settings).into_iter().filter(is_numbered) {
        match patiently(&wanted.name, async || find(context, &wanted).await).await? {
            Some(stream) => {
                is_used |= stream.cached_info().state.last_sequence > 0;
                has_queues |= described(&wanted).is_some();
            }
            None => missing.push(wanted),
        }
    }
    // Without any queue, new msgids that are greater than all before are a new beginning.
    let begins_anew = !has_queues && settings.after.0 > 0;
    let may_be_made = |config: &Config| !is_used || begins_anew && described(config).is_some();
    match missing.into_iter().find(|config| !may_be_made(config)) {
        Some(Config { name: stream, .. }) => Err(SettingsError::Lost { stream }),
        None => Ok(()),
    }
}

/// The settings of all streams.
pub(super) fn all(settings: &Settings) -> Vec<Config> {
    let buckets = [KEPT, DEVICES, DIALECTS].map(|name| bucket_config(settings, name));
    queue_configs(settings).chain(buckets).chain([push_config(settings)]).collect()
}

/// Whether a stream gives numbers that must not be given again: msgids, and numbers of devices.
pub(super) fn is_numbered(config: &Config) -> bool {
    described(config).is_some() || config.name == bucket_stream(DEVICES)
}

/// The buckets: kept sync keys, devices, dialects.
pub(super) const KEPT: &str = "kefu_kept";
pub(super) const DEVICES: &str = "kefu_devices";
pub(super) const DIALECTS: &str = "kefu_dialects";
/// The stream of the push outbox.
pub(super) const PUSHES: &str = "kefu_pushes";

fn queue_configs(settings: &Settings) -> impl Iterator<Item = Config> {
    (0..settings.shards).map(|shard| Config {
        description: Some(describe(shard, settings)),
        max_age: settings.retain,
        max_bytes: settings.retain_bytes,
        ..settings.stream(subject::stream(shard), subject::queues(shard))
    })
}

/// An entry is removed when it is acknowledged. An account has a subject.
fn push_config(settings: &Settings) -> Config {
    let PushBounds { account, all } = settings.pushes;
    let bound = |bound: usize| i64::try_from(bound).unwrap_or(-1);
    Config {
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages: bound(all),
        max_messages_per_subject: bound(account),
        discard_new_per_subject: bound(account) > 0,
        ..settings.stream(PUSHES.into(), subject::PUSHES.into())
    }
}

fn bucket_config(settings: &Settings, name: &str) -> Config {
    Config {
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        ..settings.stream(bucket_stream(name), format!("$KV.{name}.>"))
    }
}

fn bucket_stream(name: &str) -> String {
    format!("KV_{name}")
}

async fn stream(context: &Context, wanted: Config) -> Result<Stream, SettingsError> {
    patiently(&wanted.name, async || find_or_create(context, &wanted).await).await
}

/// Asks again while there is no answer.
async fn patiently<T>(
    stream: &str,
    ask: impl AsyncFn() -> Result<T, SettingsError>,
) -> Result<T, SettingsError> {
    let deadline = Instant::now() + CREATE_TIMEOUT;
    let mut is_logged = false;
    loop {
        match ask().await {
            // A cluster may have no leader for a moment, and a stream for longer.
            Err(error @ SettingsError::NoAnswer { .. }) if Instant::now() < deadline => {
                if !is_logged {
                    let seconds = CREATE_TIMEOUT.as_secs();
                    tracing::warn!(stream, %error, "waiting up to {seconds} s");
                    is_logged = true;
                }
                sleep(RETRY_PAUSE).await;
            }
            ended => return ended,
        }
    }
}

/// How long a start waits for one stream. A cluster may need several elections, each of which takes
/// up to ten seconds.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn find_or_create(
    context: &Context,
    wanted: &Config,
) -> Result<Stream, SettingsError> {
    if let Some(stream) = find(context, wanted).await? {
        return Ok(stream);
    }
    match context.create_stream(wanted.clone()).await {
        Ok(stream) => {
            tracing::info!(stream = wanted.name, replicas = wanted.num_replicas, "made");
            Ok(stream)
        }
        // Another server may have created it meanwhile.
        Err(error) => match find(context, wanted).await? {
            Some(stream) => Ok(stream),
            None => Err(SettingsError::not_created(wanted, &error)),
        },
    }
}

/// The stream if it exists; its settings must be the wanted ones.
pub(super) async fn find(
    context: &Context,
    wanted: &Config,
) -> Result<Option<Stream>, SettingsError> {
    match context.get_stream(&wanted.name).await {
        Ok(stream) => {
            check(&stream.cached_info().config, wanted)?;
            Ok(Some(stream))
        }
        Err(error) if is_missing(error.kind()) => Ok(None),
        Err(error) if is_no_answer(&error) => {
            Err(SettingsError::NoAnswer { error: error.to_string() })
        }
        Err(error) if error.kind() == GetStreamErrorKind::Request => {
            Err(SettingsError::NoStreams { error: error.to_string() })
        }
        Err(error) => Err(SettingsError::nats(&wanted.name, error)),
    }
}

/// The description of a shard's stream, which records the settings that must never change: with
/// another number of shards queues would be sought in the wrong streams, and with other msgids
/// clients would miss messages or get them twice.
fn describe(shard: usize, Settings { shards, after, .. }: &Settings) -> String {
    let msgids = if after.0 == 0 { String::new() } else { format!("{AFTER}{after}") };
    format!("{SHARD}{shard} of {shards}{msgids}")
}

/// What a shard's description records.
struct Described {
    shards: usize,
    after: MsgId,
}

fn described(config: &Config) -> Option<Described> {
    let (_, description) = config.description.as_ref()?.strip_prefix(SHARD)?.split_once(" of ")?;
    let (shards, after) = description.split_once(AFTER).unwrap_or((description, "0"));
    Some(Described { shards: shards.parse().ok()?, after: MsgId(after.parse().ok()?) })
}

const SHARD: &str = "queues of kefu-server, shard ";
const AFTER: &str = ", msgids after ";

fn is_missing(kind: GetStreamErrorKind) -> bool {
    matches!(
        kind,
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND
    )
}

/// Without a majority of the cluster there is no answer, or this one.
fn is_no_answer(error: &GetStreamError) -> bool {
    let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
    request.is_some_and(|request| request.kind() == RequestErrorKind::TimedOut)
        || matches!(error.kind(), GetStreamErrorKind::JetStream(error) if is_leaderless(&error))
}

fn is_not_created_yet(error: &CreateStreamError) -> bool {
    error.kind() == CreateStreamErrorKind::TimedOut
        || matches!(error.kind(), CreateStreamErrorKind::JetStream(error) if is_leaderless(&error))
}

fn is_leaderless(error: &jetstream::Error) -> bool {
    error.error_code() == ErrorCode::CLUSTER_NOT_AVAILABLE
}

fn check(is: &Config, wanted: &Config) -> Result<(), SettingsError> {
    let name = &wanted.name;
    if let (Some(is), Some(wanted)) = (described(is), described(wanted)) {
        if is.shards != wanted.shards {
            return Err(SettingsError::Shards { is: is.shards, wanted: wanted.shards });
        }
        if is.after != wanted.after {
            return Err(SettingsError::After { is: is.after, wanted: wanted.after });
        }
    }
    let pairs: [(_, &dyn Debug, &dyn Debug); 8] = [
        ("description", &is.description, &wanted.description),
        ("subjects", &is.subjects, &wanted.subjects),
        ("storage", &is.storage, &wanted.storage),
        ("retention policy", &is.retention, &wanted.retention),
        ("replicas", &is.num_replicas, &wanted.num_replicas),
        ("duplicate window", &is.duplicate_window, &wanted.duplicate_window),
        ("greatest age", &is.max_age, &wanted.max_age),
        ("most bytes", &is.max_bytes, &wanted.max_bytes),
    ];
    for (setting, is, wanted) in
        pairs.map(|(name, is, wanted)| (name, format!("{is:?}"), format!("{wanted:?}")))
    {
        if is != wanted {
            return Err(SettingsError::Differs { stream: name.clone(), setting, is, wanted });
        }
    }
    Ok(())
}

/// Why the streams cannot be used as they are.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error(
        "stream {stream} has {setting} {is}, this server was told {wanted}; change the option, or \
         the stream with `nats stream edit {stream}`"
    )]
    Differs { stream: String, setting: &'static str, is: String, wanted: String },
    #[error(
        "the queues lie in {is} streams, this server was told {wanted}; start it with --shards {is}"
    )]
    Shards { is: usize, wanted: usize },
    #[error(
        "the streams have msgids after {is}, this server was told {wanted}; \
         start it with --msgids-after {is}"
    )]
    After { is: MsgId, wanted: MsgId },
    #[error(
        "stream {stream} is missing and is not made again, since clients have seen its numbers; \
         restore it with `nats stream restore`; if all kefu_queues_* are gone, --msgids-after \
         begins anew"
    )]
    Lost { stream: String },
    #[error("NATS has no JetStream: {error}; start it with nats-server -js")]
    NoStreams { error: String },
    #[error("JetStream is not available: {error}; most servers of a cluster must be there")]
    NoAnswer { error: String },
    #[error(
        "stream {stream} cannot be created: {error}; \
         --replicas {replicas} needs a NATS cluster of at least {replicas} servers"
    )]
    Replicas { stream: String, replicas: usize, error: String },
    #[error("stream {stream}: {error}")]
    Nats { stream: String, error: String },
}

impl SettingsError {
    fn not_created(wanted: &Config, error: &CreateStreamError) -> Self {
        if is_not_created_yet(error) {
            return Self::NoAnswer { error: error.to_string() };
        }
        let (stream, replicas) = (wanted.name.clone(), wanted.num_replicas);
        if replicas == 1 {
            return Self::nats(&stream, error);
        }
        Self::Replicas { stream, replicas, error: error.to_string() }
    }

    fn nats(stream: &str, error: impl Display) -> Self {
        Self::Nats { stream: stream.to_owned(), error: error.to_string() }
    }
}
