//! Four applications of one company on Lightbus. `company --help` says how to run them, the README what they show.

mod data;
mod patience;
mod sales;
mod spare_parts;
mod story;
mod summary;
mod support;
mod sync;
mod warranty;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use lightbus::Bus;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::data::{DataError, Directory};
use crate::story::{Story, print};
use crate::summary::{Application, Books, Summary};

/// How long the story may stand still before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the books are looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// How long handlers may take to finish after Ctrl-C. One that waits for an application that never started would use up
/// all of it.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Sales, spare parts, support and warranty of a company that sells coffee machines.
///
/// Without --app all four run in this process, on a bus in this process, until the story is over.
#[derive(Debug, Parser)]
#[command(after_help = "With --app, in four terminals and in any order:\n\n    \
    export LIGHTBUS_URL=amqp://guest:guest@localhost:5672    # this is also the default\n    \
    company --app warranty\n\n\
    Each of them runs until Ctrl-C or SIGTERM, and then says what it did.")]
struct Arguments {
    /// Run this application alone, on the RabbitMQ that LIGHTBUS_URL names
    #[arg(long, value_name = "NAME")]
    app: Option<App>,

    /// How long sales waits between two sales, such as 500ms or 0s
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
    pace: Duration,

    /// Where sales.csv, parts.csv and cases.csv are
    #[arg(long, value_name = "DIRECTORY", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data"))]
    data: PathBuf,

    /// Print each summary as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum App {
    Sales,
    SpareParts,
    Support,
    Warranty,
}

/// Why the program ended early.
#[derive(Debug, Error)]
enum Error {
    #[error(transparent)]
    Bus(#[from] lightbus::Error),

    #[error(transparent)]
    Data(#[from] DataError),

    #[error("nothing has happened for {0:?}, and the books do not balance. The last lines above may say why")]
    Stuck(Duration),
}

#[tokio::main]
#[allow(clippy::print_stderr, reason = "the last word of a program that failed")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_standard_error();
    let ended = match arguments.app {
        Some(app) => run_one(app, &arguments).await,
        None => run_all(&arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("company: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The story goes to standard output, what Lightbus has to say to standard error. Of other crates nothing is shown: the
/// AMQP client's warnings are either reported by Lightbus in its own words or returned as errors.
fn log_to_standard_error() {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(log).with(Targets::new().with_target("lightbus", LevelFilter::WARN)).init();
}

/// Runs one application until it is told to stop.
async fn run_one(app: App, arguments: &Arguments) -> Result<(), Error> {
    let bus = Bus::service(app.service()).shutdown_timeout(SHUTDOWN).connect().await?;
    let application = app.start(&bus, arguments, Story::default()).await?;
    bus.run().await?;
    report(&application.summary(), arguments);
    Ok(())
}

/// Runs all four until nothing is left to do, or they are told to stop.
async fn run_all(arguments: &Arguments) -> Result<(), Error> {
    let story = Story::default();
    let (mut buses, mut applications) = (Vec::new(), Vec::new());
    for app in App::value_variants() {
        let bus = Bus::service(app.service()).url("memory://company").shutdown_timeout(SHUTDOWN).connect().await?;
        applications.push(app.start(&bus, arguments, story.clone()).await?);
        buses.push(bus);
    }
    let mut running = tokio::task::JoinSet::new();
    for bus in buses.clone() {
        running.spawn(async move { bus.run().await });
    }
    let ended = tokio::select! {
        ended = settled(&applications, &story, PATIENCE + arguments.pace) => ended,
        // One of them was told to stop, and so were all.
        _ = running.join_next() => Ok(()),
    };
    for bus in &buses {
        bus.shutdown().await;
    }
    for application in &applications {
        report(&application.summary(), arguments);
    }
    if !arguments.json {
        books(&applications).balances().iter().for_each(print);
    }
    ended
}

/// Waits until every file is worked off and every message has arrived.
async fn settled(applications: &[Arc<dyn Application>], story: &Story, patience: Duration) -> Result<(), Error> {
    let (mut lines, mut since) = (story.lines(), Instant::now());
    while !books(applications).are_settled() {
        sleep(GLANCE).await;
        if lines != story.lines() {
            (lines, since) = (story.lines(), Instant::now());
        } else if since.elapsed() > patience {
            return Err(Error::Stuck(patience));
        }
    }
    Ok(())
}

fn books(applications: &[Arc<dyn Application>]) -> Books {
    Books::new(applications.iter().map(|application| application.summary()))
}

fn report(summary: &Summary, arguments: &Arguments) {
    match serde_json::to_string(summary) {
        Ok(json) if arguments.json => print(json),
        _ => print(summary),
    }
}

impl App {
    fn service(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::SpareParts => "spare-parts",
            Self::Support => "support",
            Self::Warranty => "warranty",
        }
    }

    async fn start(self, bus: &Bus, arguments: &Arguments, story: Story) -> Result<Arc<dyn Application>, Error> {
        let data = Directory(arguments.data.clone());
        match self {
            Self::Sales => sales::start(bus, &data, arguments.pace, story).await,
            Self::SpareParts => spare_parts::start(bus, &data, story).await,
            Self::Support => support::start(bus, &data, story).await,
            Self::Warranty => Ok(warranty::start(bus, story).await?),
        }
    }
}
