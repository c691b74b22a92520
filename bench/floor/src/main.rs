//! Measures what Lightbus costs on top of AMQP clients written by hand.
//!
//! `floor run` measures every contestant in new processes, in turn, and compares them. `scripts/bench` starts it beside its own
//! broker. No time decides whether it passes.
//!
//! `run` produces [`data`], and `report` reads it. They do not depend on each other.

mod best;
mod contestant;
mod data;
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

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser};

use self::data::Data;

/// Measures what Lightbus costs on top of AMQP clients written by hand.
#[derive(Debug, Parser)]
enum Command {
    /// Measures, and prints the tables.
    Run(MeasureArgs),
    /// Writes the tables and plots of earlier runs into pages.
    Document(report::DocumentArgs),
    /// Runs one process of a measurement.
    #[command(subcommand)]
    Role(role::Role),
}

#[derive(Debug, Args)]
struct MeasureArgs {
    #[command(flatten)]
    run: run::RunArgs,
    /// The folder for the raw data.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Adds the data of an earlier run; may be given more than once.
    #[arg(long, value_name = "FILE")]
    merge: Vec<PathBuf>,
    #[command(flatten)]
    pages: report::Pages,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Run(args) => measure(&args),
        Command::Document(args) => report::document(&args),
        Command::Role(role) => role::play(role),
    }
}

fn measure(args: &MeasureArgs) -> Result<()> {
    let mut data = run::run(&args.run)?;
    let path = data.save(&args.out, &args.run.suffix)?;
    for earlier in &args.merge {
        data.add(Data::load(earlier)?);
    }
    args.pages.write(&data)?;
    report::print(&data, &path)
}
