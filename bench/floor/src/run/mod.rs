//! Measures every contestant in every workload, in turn.

mod child;
mod measure;
mod work;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use clap::Args;
use lapin::{Connection, ConnectionProperties};

use self::measure::{Measurement, Times};
use self::work::{WORKS, Work};
use crate::contestant::Contestant;
use crate::data::{Data, Machine, Sample};
use crate::place::Place;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The broker.
    #[arg(long, env = "LIGHTBUS_TEST_URL", hide_env_values = true)]
    url: String,
    /// Measures only the rows of the first table, for a shorter time.
    #[arg(long)]
    quick: bool,
    /// Measures only this workload, such as `rpc-64` or `events*`; may be given more than once.
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<String>,
    /// The number of rounds.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// How long each measurement warms up, in milliseconds.
    #[arg(long)]
    warm_up: Option<u64>,
    /// How long each measurement takes, in milliseconds.
    #[arg(long)]
    measure: Option<u64>,
    /// Makes exactly this many calls instead, however long they take.
    #[arg(long)]
    calls: Option<u64>,
    /// Measures only these contestants.
    #[arg(long, value_delimiter = ',', default_values_t = Contestant::ALL)]
    contestants: Vec<Contestant>,
    /// Appends this to the names of the workloads, to tell a run beside another broker apart.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub(crate) suffix: String,
}

impl RunArgs {
    fn times(&self) -> Times {
        let (warm_up, measure) = if self.quick { (300, 1000) } else { (500, 2000) };
        Times { warm_up: self.warm_up.unwrap_or(warm_up), measure: self.measure.unwrap_or(measure), calls: self.calls }
    }
}

/// Measures, and returns the data.
pub(crate) fn run(args: &RunArgs) -> Result<Data> {
    // This process waits while others are measured, so its runtime should do as little as possible.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_all(args))
}

async fn measure_all(args: &RunArgs) -> Result<Data> {
    let works = chosen(args)?;
    let times = args.times();
    let begun = Instant::now();
    let mut data = Data::new(Machine::inspect()?);
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
        print_progress(round + 1, args.rounds, begun.elapsed());
    }
    Ok(data)
}

#[allow(clippy::print_stderr, reason = "somebody watches the run")]
fn print_progress(round: u32, rounds: u32, elapsed: Duration) {
    eprintln!("round {round} of {rounds} is done after {} s", elapsed.as_secs());
}

fn chosen(args: &RunArgs) -> Result<Vec<Work>> {
    let is_asked_for = |work: &&Work| match &*args.only {
        [] => work.is_quick || !args.quick,
        only => only.iter().any(|pattern| matches(pattern, work.name)),
    };
    let works: Vec<Work> = WORKS.iter().filter(is_asked_for).copied().collect();
    let names: Vec<&str> = WORKS.iter().map(|work| work.name).collect();
    ensure!(!works.is_empty(), "no workload has that name. The workloads are {}", names.join(", "));
    Ok(works)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// Returns the order of the contestants in a round. Every round begins with another one, so that none always follows the same.
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
    fn a_star_matches_any_ending() {
        assert!(matches("rpc-1", "rpc-1") && matches("rpc-*", "rpc-64") && !matches("rpc-1", "rpc-1-1k"));
    }
}
