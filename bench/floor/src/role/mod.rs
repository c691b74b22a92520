//! The processes that a measurement is made of. Each prints one line of JSON when it is ready and one when it is done, and
//! is told on its standard input to go on.

mod call;
mod publish;
mod serve;
mod subscribe;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

pub(crate) use call::CallReport;
pub(crate) use publish::PublishReport;
pub(crate) use serve::ServeReport;
pub(crate) use subscribe::SubscribeReport;

use crate::contestant::Contestant;
use crate::place::Place;

/// How long a call may take. Only those that are stuck take that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a process does in a measurement.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Serves until its standard input ends.
    Serve(serve::ServeArgs),
    /// Calls.
    Call(call::CallArgs),
    /// Subscribes until as many events are handled as its standard input says.
    Subscribe(subscribe::SubscribeArgs),
    /// Publishes.
    Publish(publish::PublishArgs),
}

/// What every role needs to know.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[arg(long)]
    contestant: Contestant,
    #[command(flatten)]
    place: Place,
    /// The flavour of the tokio runtime.
    #[arg(long, default_value = "current")]
    runtime: Flavour,
}

/// A flavour of the tokio runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Flavour {
    /// `current_thread`.
    Current,
    /// `multi_thread`, with as many workers as there are cores.
    Multi,
}

impl Flavour {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Multi => "multi",
        }
    }

    fn runtime(self) -> Result<tokio::runtime::Runtime> {
        let mut builder = match self {
            Self::Current => tokio::runtime::Builder::new_current_thread(),
            Self::Multi => tokio::runtime::Builder::new_multi_thread(),
        };
        Ok(builder.enable_all().build()?)
    }
}

pub(crate) fn play(role: Role) -> Result<()> {
    match role {
        Role::Serve(args) => args.common.runtime.runtime()?.block_on(serve::run(args)),
        Role::Call(args) => args.common.runtime.runtime()?.block_on(call::run(args)),
        Role::Subscribe(args) => args.common.runtime.runtime()?.block_on(subscribe::run(args)),
        Role::Publish(args) => args.common.runtime.runtime()?.block_on(publish::run(args)),
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {}

fn say<T: Serialize>(message: &T) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, message)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// The next line of standard input; empty when there is none.
async fn hear() -> Result<String> {
    let mut line = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut line).await.context("cannot read standard input")?;
    Ok(line.trim().to_owned())
}

/// The value below which that share of the sorted values lies.
fn percentile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (last as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u64> = (0..=100).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (50, 99));
        assert_eq!(percentile(&[7], 0.99), 7);
        assert_eq!(percentile(&[], 0.5), 0);
    }
}
