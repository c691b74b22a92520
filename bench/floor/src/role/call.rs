//! Calls, with so many calls in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Common, DEADLINE, Ready, hear, percentile, say};
use crate::best::{self, Extras};
use crate::contestant::{Caller, Contestant};
use crate::message::{Check, note, verify};
use crate::process::{Usage, usage};
use crate::{naive, product, raw};

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many calls wait for their answers at a time.
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// The length of the note in a request, in bytes.
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// How long calls are made before they count, in milliseconds.
    #[arg(long, default_value_t = 300)]
    warm_up: u64,
    /// How long calls are made that count, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    measure: u64,
    /// Makes exactly so many calls instead, of which all count.
    #[arg(long)]
    calls: Option<u64>,
}

/// What calling has shown.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CallReport {
    /// All that were made, the warm-up too.
    pub(crate) made: u64,
    /// Those that count.
    pub(crate) counted: u64,
    pub(crate) elapsed_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

pub(super) async fn run(args: CallArgs) -> Result<()> {
    let place = &args.common.place;
    match args.common.contestant {
        Contestant::Lightbus => measure(product::Caller::connect(place, DEADLINE).await?, &args).await,
        Contestant::Best => measure(best::Caller::connect(place, Extras::all(DEADLINE)).await?, &args).await,
        Contestant::Bare => measure(best::Caller::connect(place, Extras::NONE).await?, &args).await,
        Contestant::Naive => measure(naive::Caller::connect(place).await?, &args).await,
        Contestant::Raw => measure(raw::Caller::connect(place).await?, &args).await,
    }
}

async fn measure<C: Caller>(caller: C, args: &CallArgs) -> Result<()> {
    let note: Arc<str> = note(args.size).into();
    // Whatever is made lazily is made before anything is measured.
    verify(&caller.call(&Check::new(&note)).await?)?;
    let before = usage()?;
    say(&Ready {})?;
    hear().await?;
    let plan = Plan::new(args);
    let workers: Vec<_> = (0..args.in_flight)
        .map(|number| tokio::spawn(work(caller.clone(), Arc::clone(&note), plan.share(number))))
        .collect();
    let mut counted = Counted::default();
    for worker in workers {
        counted.add(worker.await.context("a task of calls has panicked")??);
    }
    let elapsed = match args.calls {
        Some(_) => plan.begin.elapsed(),
        None => plan.end - plan.begin,
    };
    counted.latencies.sort_unstable();
    say(&CallReport {
        made: counted.made,
        counted: counted.calls,
        elapsed_ns: nanoseconds(elapsed),
        p50_ns: percentile(&counted.latencies, 0.5),
        p99_ns: percentile(&counted.latencies, 0.99),
        before,
        after: usage()?,
    })
}

/// Which calls are made, and which count.
#[derive(Debug, Clone, Copy)]
struct Plan {
    begin: Instant,
    end: Instant,
    /// How many calls are made, and by how many tasks.
    calls: Option<(u64, usize)>,
    /// Times are kept only where there are few: the memory for them is measured too.
    with_latencies: bool,
}

impl Plan {
    fn new(args: &CallArgs) -> Self {
        let warm_up = if args.calls.is_some() { 0 } else { args.warm_up };
        let begin = Instant::now() + Duration::from_millis(warm_up);
        let end = begin + Duration::from_millis(args.measure);
        let calls = args.calls.map(|calls| (calls, args.in_flight));
        Self { begin, end, calls, with_latencies: args.in_flight == 1 }
    }

    /// One task's part of it.
    fn share(mut self, number: usize) -> Self {
        if let Some((calls, tasks)) = &mut self.calls {
            let (all, tasks, number) = (*calls, *tasks as u64, number as u64);
            *calls = all / tasks + u64::from(number < all % tasks);
        }
        self
    }

    fn goes_on(&self, made: u64) -> bool {
        match self.calls {
            Some((calls, _)) => made < calls,
            None => Instant::now() < self.end,
        }
    }

    fn counts(&self, answered: Instant) -> bool {
        self.calls.is_some() || (self.begin <= answered && answered < self.end)
    }
}

#[derive(Debug, Default)]
struct Counted {
    made: u64,
    calls: u64,
    latencies: Vec<u64>,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.made += other.made;
        self.calls += other.calls;
        self.latencies.extend(other.latencies);
    }
}

async fn work<C: Caller>(caller: C, note: Arc<str>, plan: Plan) -> Result<Counted> {
    let mut counted = Counted::default();
    while plan.goes_on(counted.made) {
        let asked = Instant::now();
        verify(&caller.call(&Check::new(&note)).await?)?;
        let answered = Instant::now();
        counted.made += 1;
        if plan.counts(answered) {
            counted.calls += 1;
            if plan.with_latencies {
                counted.latencies.push(nanoseconds(answered - asked));
            }
        }
    }
    Ok(counted)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
