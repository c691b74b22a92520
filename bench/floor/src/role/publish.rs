//! Publishes, as fast as the broker confirms or at a steady rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::{Common, DEADLINE, Ready, hear, say};
use crate::best::{self, Extras};
use crate::contestant::{Contestant, Publisher};
use crate::message::{Check, note, now};
use crate::process::{Usage, usage};
use crate::{naive, product, raw};

/// How many events are published before any count.
const WARM_UP: usize = 512;

/// How long these are left alone to be handled.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many tasks publish.
    #[arg(long, default_value_t = 1)]
    tasks: usize,
    /// How many events are waiting for their confirms, all tasks together.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// The length of the note in an event, in bytes.
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// How long events are published, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    measure: u64,
    /// Publishes so many events a second instead of as many as it can.
    #[arg(long)]
    rate: Option<u32>,
}

/// What publishing has shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishReport {
    /// All that was published, the warm-up too.
    pub(crate) published: u64,
    /// What counts of it.
    pub(crate) counted: u64,
    /// When the first one that counts was published, in nanoseconds since 1970.
    pub(crate) begin_ns: u64,
    /// When the last one was confirmed.
    pub(crate) end_ns: u64,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

pub(super) async fn run(args: PublishArgs) -> Result<()> {
    let place = &args.common.place;
    match args.common.contestant {
        Contestant::Lightbus => measure(product::Publisher::connect(place).await?, &args).await,
        Contestant::Best => measure(best::Publisher::connect(place, Extras::all(DEADLINE)).await?, &args).await,
        Contestant::Bare => measure(best::Publisher::connect(place, Extras::NONE).await?, &args).await,
        Contestant::Naive => measure(naive::Publisher::connect(place).await?, &args).await,
        Contestant::Raw => measure(raw::Publisher::connect(place).await?, &args).await,
    }
}

async fn measure<P: Publisher>(publisher: P, args: &PublishArgs) -> Result<()> {
    let note: Arc<str> = note(args.size).into();
    let before = usage()?;
    say(&Ready {})?;
    hear().await?;
    let warmed_up = if args.rate.is_some() { 0 } else { warm_up(&publisher, &note, args).await? };
    let begin_ns = now();
    let counted = match args.rate {
        Some(rate) => publish_steadily(&publisher, &note, rate, args.measure).await?,
        None => publish_in_tasks(&publisher, &note, args).await?,
    };
    let end_ns = now();
    let published = counted + warmed_up;
    say(&PublishReport { published, counted, begin_ns, end_ns, before, after: usage()? })
}

async fn warm_up<P: Publisher>(publisher: &P, note: &str, args: &PublishArgs) -> Result<u64> {
    let mut numbers = 0..WARM_UP;
    let published = publish_while(publisher, note, args.in_flight, || numbers.next().is_some()).await?;
    tokio::time::sleep(PAUSE).await;
    Ok(published)
}

async fn publish_in_tasks<P: Publisher>(publisher: &P, note: &Arc<str>, args: &PublishArgs) -> Result<u64> {
    let (tasks, end) = (args.tasks.max(1), Instant::now() + Duration::from_millis(args.measure));
    let in_flight = (args.in_flight / tasks).max(1);
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let (publisher, note) = (publisher.clone(), Arc::clone(note));
            tokio::spawn(async move { publish_while(&publisher, &note, in_flight, || Instant::now() < end).await })
        })
        .collect();
    let mut published = 0;
    for worker in workers {
        published += worker.await.context("a task that publishes has panicked")??;
    }
    Ok(published)
}

/// Keeps so many events in flight from one task, and publishes at least as many.
async fn publish_while<P: Publisher>(
    publisher: &P,
    note: &str,
    in_flight: usize,
    mut goes_on: impl FnMut() -> bool,
) -> Result<u64> {
    let mut unconfirmed = FuturesUnordered::new();
    let mut published = 0;
    loop {
        while unconfirmed.len() < in_flight && (published < in_flight as u64 || goes_on()) {
            published += 1;
            unconfirmed.push(publish(publisher, note));
        }
        match unconfirmed.next().await {
            Some(confirmed) => confirmed?,
            None => return Ok(published),
        }
    }
}

async fn publish_steadily<P: Publisher>(publisher: &P, note: &Arc<str>, rate: u32, milliseconds: u64) -> Result<u64> {
    let count = u64::from(rate) * milliseconds / 1000;
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut publishing = Vec::new();
    for _ in 0..count {
        ticks.tick().await;
        let (publisher, note) = (publisher.clone(), Arc::clone(note));
        publishing.push(tokio::spawn(async move { publish(&publisher, &note).await }));
    }
    for published in publishing {
        published.await.context("a task that publishes has panicked")??;
    }
    Ok(count)
}

async fn publish<P: Publisher>(publisher: &P, note: &str) -> Result<()> {
    publisher.publish(&Check { customer: now(), ..Check::new(note) }).await
}
