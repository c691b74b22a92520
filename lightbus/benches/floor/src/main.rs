//! What Lightbus costs on top of AMQP clients written by hand.
//!
//! `floor run` measures every contestant in fresh processes, in turn, and compares them; `scripts/bench` starts it beside a
//! broker of its own. Nothing here passes or fails by a clock.

mod best;
mod contestant;
mod idle;
mod message;
mod naive;
mod place;
mod process;
mod product;
mod raw;
mod report;
mod role;
mod run;

use anyhow::Result;
use clap::Parser;

/// What Lightbus costs on top of AMQP clients written by hand.
#[derive(Debug, Parser)]
enum Command {
    /// Measures, and reports.
    Run(run::RunArgs),
    /// Writes the tables and plots of the page on performance from data measured before.
    Document(report::DocumentArgs),
    /// Is one process of a measurement.
    #[command(subcommand)]
    Role(role::Role),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Run(args) => run::run(args),
        Command::Document(args) => report::document(&args),
        Command::Role(role) => role::play(role),
    }
}
