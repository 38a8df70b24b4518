//! The options of NATS.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use kefu_proto::{FrameLimit, MsgId};

use crate::options::values::{replicas, seconds};
use crate::store::PushBounds;
use crate::store::jetstream::Settings;

/// The streams of `--store nats://…`. Existing streams with other settings are reported, never
/// changed.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Streams (with --store nats://…)")]
pub struct Streams {
    /// Streams that the queues are spread over; the same on every server, and forever
    #[arg(long, env = "KEFU_SHARDS", value_name = "N", default_value = "8")]
    pub shards: NonZeroUsize,

    /// NATS servers that keep each copy: 1, 3 or 5; more than 1 needs a NATS cluster
    #[arg(
        long,
        env = "KEFU_REPLICAS",
        value_name = "N",
        default_value = "1",
        value_parser = replicas
    )]
    pub replicas: usize,

    /// Seconds for which NATS recognises a repeated message, which is also the longest outage of
    /// NATS that a message survives
    #[arg(
        long,
        env = "KEFU_DUPLICATE_WINDOW",
        value_name = "SECONDS",
        default_value = "120",
        value_parser = seconds
    )]
    pub duplicate_window: Duration,

    /// Most bytes of each stream, whose oldest messages are removed then; 0: no limit
    #[arg(
        long,
        env = "KEFU_RETAIN_BYTES",
        value_name = "BYTES",
        default_value = "0",
        value_parser = clap::value_parser!(i64).range(0..)
    )]
    pub retain_bytes: i64,
}

impl Streams {
    /// The name of one of these options that was given.
    pub(super) fn given(matches: &ArgMatches) -> Option<String> {
        let options = Self::augment_args(Command::new("streams"));
        let mut options = options.get_arguments();
        let given = options.find(|option| {
            let source = matches.value_source(option.get_id().as_str());
            source.is_some_and(|source| source != ValueSource::DefaultValue)
        })?;
        given.get_long().map(|name| format!("--{name}"))
    }

    /// The settings of the streams, with msgids greater than `after`. Messages are kept for as long
    /// as `retain`.
    pub fn settings(
        &self,
        after: MsgId,
        retain: Option<Duration>,
        pushes: PushBounds,
        frame: FrameLimit,
    ) -> Settings {
        let Self { shards, replicas, duplicate_window, retain_bytes } = *self;
        Settings {
            shards: shards.get(),
            after,
            replicas,
            duplicate_window,
            retain: retain.unwrap_or_default(),
            retain_bytes: if retain_bytes == 0 { -1 } else { retain_bytes },
            pushes,
            frame_limit: usize::try_from(frame.get()).unwrap_or(usize::MAX),
        }
    }
}
