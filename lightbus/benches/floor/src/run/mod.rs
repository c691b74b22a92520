//! Measures every contestant at everything, in turn.

mod child;
mod measure;
mod work;

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use clap::Args;
use lapin::{Connection, ConnectionProperties};

use self::measure::{Measurement, Times};
use self::work::{WORKS, Work};
use crate::contestant::Contestant;
use crate::place::Place;
use crate::report::{self, Data, Machine, Sample};

pub(crate) use self::measure::Metrics;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The broker.
    #[arg(long, env = "LIGHTBUS_TEST_URL", hide_env_values = true)]
    url: String,
    /// Measures only what the first table shows, and for a shorter time.
    #[arg(long)]
    quick: bool,
    /// Measures only this, such as `rpc-64` or `events*`; may be given more than once.
    #[arg(long, value_name = "WORK")]
    only: Vec<String>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// How long each measurement warms up, in milliseconds.
    #[arg(long)]
    warm_up: Option<u64>,
    /// How long each measurement takes, in milliseconds.
    #[arg(long)]
    measure: Option<u64>,
    /// Makes exactly so many calls instead, however long they take.
    #[arg(long)]
    calls: Option<u64>,
    /// Measures only these.
    #[arg(long, value_delimiter = ',', default_values_t = Contestant::ALL)]
    contestants: Vec<Contestant>,
    /// What the names of what is measured end with, to tell them from the same beside another broker.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    suffix: String,
    /// Shows this data of an earlier run too; may be given more than once.
    #[arg(long, value_name = "FILE")]
    merge: Vec<PathBuf>,
    /// Writes the tables and plots into this page, too.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Where the data goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

impl RunArgs {
    fn times(&self) -> Times {
        let (warm_up, measure) = if self.quick { (300, 1000) } else { (500, 2000) };
        Times { warm_up: self.warm_up.unwrap_or(warm_up), measure: self.measure.unwrap_or(measure), calls: self.calls }
    }
}

pub(crate) fn run(args: RunArgs) -> Result<()> {
    // It waits while others are measured, and must not be measured itself.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut data = runtime.block_on(measure_all(&args))?;
    let path = data.save(&args.out, &args.suffix)?;
    for more in &args.merge {
        data.add(Data::load(more)?);
    }
    if let Some(page) = &args.page {
        report::write(&data, page)?;
    }
    report::print(&data, &path)
}

async fn measure_all(args: &RunArgs) -> Result<Data> {
    let works = chosen(args)?;
    let times = args.times();
    let begun = Instant::now();
    let mut data = Data::new(Machine::look()?);
    let broker = Connection::connect(&args.url, ConnectionProperties::default()).await?;
    for round in 0..args.rounds {
        for work in &works {
            if round >= work.rounds() {
                continue;
            }
            for contestant in turns(&args.contestants, round).filter(|contestant| work.is_for(*contestant)) {
                let place = Place { url: args.url.clone(), namespace: fresh_namespace() };
                let metrics = Measurement { work, contestant, place, times, broker: &broker }.run().await?;
                let work = format!("{}{}", work.name, args.suffix);
                data.samples.push(Sample { round, work, contestant, metrics });
            }
        }
        report::progress(round + 1, args.rounds, begun.elapsed());
    }
    Ok(data)
}

fn chosen(args: &RunArgs) -> Result<Vec<Work>> {
    let is_asked_for = |work: &&Work| match &*args.only {
        [] => work.is_quick || !args.quick,
        only => only.iter().any(|pattern| matches(pattern, work.name)),
    };
    let works: Vec<Work> = WORKS.iter().filter(is_asked_for).copied().collect();
    let names: Vec<&str> = WORKS.iter().map(|work| work.name).collect();
    ensure!(!works.is_empty(), "there is nothing by that name to measure. What there is: {}", names.join(", "));
    Ok(works)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// Every round begins with another contestant, so that none always comes after the same one.
fn turns(contestants: &[Contestant], round: u32) -> impl Iterator<Item = Contestant> {
    let count = contestants.len().max(1);
    contestants.iter().copied().cycle().skip(round as usize % count).take(contestants.len())
}

fn fresh_namespace() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("b{time:x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_begins_with_another_contestant() {
        let all = [Contestant::Lightbus, Contestant::Best, Contestant::Raw];
        let turns = |round| turns(&all, round).collect::<Vec<_>>();
        assert_eq!(turns(0), all);
        assert_eq!(turns(1), [Contestant::Best, Contestant::Raw, Contestant::Lightbus]);
        assert_eq!(turns(3), all);
    }

    #[test]
    fn a_star_stands_for_any_ending() {
        assert!(matches("rpc-1", "rpc-1") && matches("rpc-*", "rpc-64") && !matches("rpc-1", "rpc-1-1k"));
    }
}
