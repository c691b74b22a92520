//! Four applications of one company on Lightbus. `company --help` says how to run them, and the README what they show.

#[cfg(test)]
mod alone;
mod data;
mod patience;
mod sales;
mod spare_parts;
mod story;
mod summary;
mod support;
mod sync;
mod warranty;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use lightbus::Bus;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::data::{DataError, Directory};
use crate::story::{Story, print};
use crate::summary::{Application, Books, Summary};

/// How long nothing may happen before the story counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the books are checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How long handlers may take to finish after Ctrl-C. A handler that waits for an application that never started uses up all of
/// it.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Sales, spare parts, support and warranty of a company that sells coffee machines.
///
/// Without --app, all four run in this process, on a bus in this process, until every message has arrived.
#[derive(Debug, Parser)]
#[command(after_help = "With --app, in four terminals and in any order:\n\n    \
    export LIGHTBUS_URL=amqp://guest:guest@localhost:5672    # this is also the default\n    \
    company --app warranty\n\n\
    Each of them runs until Ctrl-C or SIGTERM, and then prints what it did.")]
struct Arguments {
    /// Run only this application, on the RabbitMQ that LIGHTBUS_URL names
    #[arg(long, value_name = "NAME")]
    app: Option<App>,

    /// The time between two sales, such as 500ms or 0s
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
    pace: Duration,

    /// The directory with sales.csv, parts.csv and cases.csv
    #[arg(long, value_name = "DIRECTORY", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data"))]
    data: PathBuf,

    /// Print every sale, cover and case instead of a few cases and numbers
    #[arg(long, short)]
    verbose: bool,

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

    #[error("nothing happened for {0:?}, and the books do not balance. The last lines above may say why")]
    Stuck(Duration),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    log_to_standard_error();
    let ended = match arguments.app {
        Some(app) => run_one(app, &arguments).await,
        None => run_all(&arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("company: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints why the arguments were not accepted, or the help that they asked for. An unknown option is answered with the known
/// ones.
fn refuse(error: &clap::Error) -> ExitCode {
    // Like `print`, without a panic if nobody reads it.
    let _ = error.print();
    if error.kind() == ErrorKind::UnknownArgument {
        let command = Arguments::command();
        let options: Vec<String> =
            command.get_arguments().filter_map(|known| known.get_long()).map(|name| format!("--{name}")).collect();
        say(format_args!("\nThe options are {}.", options.join(", ")));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[allow(clippy::print_stderr, reason = "the last words of a program that fails")]
fn say(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}

/// Sends the log of Lightbus to standard error. The story goes to standard output.
fn log_to_standard_error() {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(log).with(Targets::new().with_target("lightbus", LevelFilter::WARN)).init();
}

/// Runs one application until it is asked to stop.
async fn run_one(app: App, arguments: &Arguments) -> Result<(), Error> {
    let bus = Bus::service(app.service()).shutdown_timeout(SHUTDOWN).connect().await?;
    let application = app.start(&bus, arguments, Story::new(arguments.verbose)).await?;
    bus.run().await?;
    report(&application.summary(), arguments);
    Ok(())
}

/// Runs all four until every message has arrived, or until they are asked to stop.
async fn run_all(arguments: &Arguments) -> Result<(), Error> {
    let story = Story::new(arguments.verbose);
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
        // A signal stops one of them, and therefore all.
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

/// Waits until every file is processed and every message has arrived.
async fn settled(applications: &[Arc<dyn Application>], story: &Story, patience: Duration) -> Result<(), Error> {
    let (mut events, mut since) = (story.events(), Instant::now());
    while !books(applications).are_settled() {
        sleep(CHECK_INTERVAL).await;
        if events != story.events() {
            (events, since) = (story.events(), Instant::now());
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
