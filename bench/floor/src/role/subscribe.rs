//! Subscribes, and counts what is handled.

use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Common, DEADLINE, Ready, hear, percentile, say};
use crate::best::{self, Extras};
use crate::contestant::Contestant;
use crate::message::Tally;
use crate::process::{Usage, usage};
use crate::{naive, product, raw};

/// How many events of a subscription are handled at a time, by whoever limits that.
const CONCURRENCY: u16 = 64;

#[derive(Debug, Args)]
pub(crate) struct SubscribeArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many subscriptions there are; each gets every event.
    #[arg(long, default_value_t = 1)]
    subscriptions: usize,
    /// Notes how long each event was under way.
    #[arg(long)]
    with_delays: bool,
}

/// What subscribing has shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SubscribeReport {
    /// When the last event was handled, in nanoseconds since 1970.
    pub(crate) last_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

pub(super) async fn run(args: SubscribeArgs) -> Result<()> {
    let (place, count, tally) = (&args.common.place, args.subscriptions, Arc::new(Tally::new(args.with_delays)));
    match args.common.contestant {
        Contestant::Lightbus => product::subscribe(place, count, CONCURRENCY, &tally).await?,
        Contestant::Best => best::subscribe(place, count, CONCURRENCY, Extras::all(DEADLINE), &tally).await?,
        Contestant::Bare => best::subscribe(place, count, CONCURRENCY, Extras::NONE, &tally).await?,
        Contestant::Naive => naive::subscribe(place, count, &tally).await?,
        Contestant::Raw => raw::subscribe(place, count, &tally).await?,
    }
    let before = usage()?;
    say(&Ready {})?;
    let published: u64 = hear().await?.parse().context("standard input does not say how many events there are")?;
    let last_ns = tally.reached(published * count as u64).await;
    let mut delays = tally.take_delays();
    delays.sort_unstable();
    say(&SubscribeReport {
        last_ns,
        p50_ns: percentile(&delays, 0.5),
        p99_ns: percentile(&delays, 0.99),
        before,
        after: usage()?,
    })
}
