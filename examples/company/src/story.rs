//! Tells what happens: a few cases in full, and the rest in numbers.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anstyle::{AnsiColor, Style};
use company_apis::support::{Case, Outcome};

use crate::sync::lock;

/// How many cases of each outcome are told in full.
const TOLD_IN_FULL: u64 = 2;

/// After how many steps of a kind their number is told.
const MILESTONE: u64 = 100;

/// What the applications of a process do.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    verbose: bool,
    events: Arc<AtomicU64>,
    untold: Arc<Mutex<Untold>>,
}

/// What was not printed yet.
#[derive(Debug, Default)]
struct Untold {
    /// The steps of each machine, by its serial number, and of each case, by its number.
    steps: HashMap<String, Vec<String>>,
    /// The number of steps of each kind, and of cases with each outcome.
    counts: HashMap<&'static str, u64>,
}

impl Story {
    /// Starts a story, which prints every step if it is verbose.
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, events: Arc::default(), untold: Arc::default() }
    }

    /// Prints a line.
    pub(crate) fn tell(&self, teller: &str, line: impl fmt::Display) {
        self.events.fetch_add(1, Ordering::Relaxed);
        print(format_args!("{} {line}", name(teller)));
    }

    /// Tells a step of a machine or a case, `subject`. Without `--verbose` the step is only printed if its case is told in
    /// full, and `kind` names the steps that are counted together.
    pub(crate) fn step(&self, teller: &str, subject: &str, kind: &'static str, line: impl fmt::Display) {
        if self.verbose {
            return self.tell(teller, line);
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        let count = {
            let mut untold = lock(&self.untold);
            untold.steps.entry(subject.to_owned()).or_default().push(format!("{} {line}", name(teller)));
            untold.count(kind)
        };
        if count.is_multiple_of(MILESTONE) {
            let dimmed = Style::new().dimmed();
            print(format_args!("{} {dimmed}{count} {kind} so far{dimmed:#}", name(teller)));
        }
    }

    /// Tells how a case ended. Without `--verbose` only the first cases of each outcome are told, with all their steps.
    pub(crate) fn decided(&self, teller: &str, Case { report, outcome }: &Case) {
        let line = format!("{} {} {}: {outcome}", report.number, report.serial, report.part);
        if self.verbose {
            return self.tell(teller, line);
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        let outcome = in_brief(outcome);
        let mut untold = lock(&self.untold);
        if untold.count(outcome) > TOLD_IN_FULL {
            return;
        }
        let bold = Style::new().bold();
        let mut text = format!("{bold}case {}, {outcome}{bold:#}", report.number);
        let steps = [&report.serial, &report.number].into_iter().filter_map(|subject| untold.steps.get(subject));
        for step in steps.flatten().chain([&format!("{} {line}", name(teller))]) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n    {step}");
        }
        drop(untold);
        print(text);
    }

    /// Returns how much has happened so far.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
}

impl Untold {
    /// Counts one more of a kind, and returns how many there are.
    fn count(&mut self, kind: &'static str) -> u64 {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count
    }
}

fn in_brief(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Covered { .. } => "repaired free of charge",
        Outcome::Billed { .. } => "paid by the customer",
        Outcome::NoPart { .. } => "without a part",
        Outcome::UnknownProduct => "about an unknown product",
    }
}

/// Returns the name of an application in its colour, padded to the width of the longest.
pub(crate) fn name(application: &str) -> impl fmt::Display {
    let colour = match application {
        "sales" => AnsiColor::Green,
        "spare-parts" => AnsiColor::Yellow,
        "support" => AnsiColor::Cyan,
        "warranty" => AnsiColor::Magenta,
        _ => AnsiColor::Blue,
    };
    let style = colour.on_default();
    format!("{style}{application:<12}{style:#}")
}

/// Prints to standard output, with colours only if that is a terminal and `NO_COLOR` is not set. Unlike `println!` it does
/// not panic when nobody reads the output any more (`company | head`), because that is no reason to stop working.
pub(crate) fn print(line: impl fmt::Display) {
    let _ = writeln!(anstream::stdout(), "{line}");
}
