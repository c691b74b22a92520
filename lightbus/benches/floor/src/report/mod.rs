//! What was measured: kept as JSON, compared, shown as tables and plots.

mod data;
mod document;
mod machine;
mod plots;
mod rows;
mod summary;
mod table;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

pub(crate) use self::data::{Data, Sample};
pub(crate) use self::document::{DocumentArgs, document, write};
pub(crate) use self::machine::Machine;
use self::rows::{RATIOS, TABLES};
use self::summary::Summary;

/// Shows how far the measurement is.
#[allow(clippy::print_stderr, reason = "it is there to be watched")]
pub(crate) fn progress(round: u32, rounds: u32, elapsed: Duration) {
    eprintln!("round {round} of {rounds} is done after {} s", elapsed.as_secs());
}

/// Shows the tables, and the ratios in the last line.
#[allow(clippy::print_stdout, reason = "it is what the program is for")]
pub(crate) fn print(data: &Data, path: &Path) -> Result<()> {
    let summary = Summary::of(data);
    println!("\n{}", data.machine.table(data.rounds()));
    for table in TABLES {
        if let Some(text) = table::render(table, &summary) {
            println!("{}\n\n{text}", table.title);
        }
    }
    println!("The data is in {}. Medians (lowest–highest) of {} rounds.", path.display(), data.rounds());
    println!("{}", ratios(&summary));
    Ok(())
}

fn ratios(summary: &Summary<'_>) -> String {
    let mut line = "ratios".to_owned();
    for (name, row) in RATIOS {
        if let Some(ratio) = summary.ratio(row) {
            line.push_str(&format!(" {name}={:.3}", ratio.median));
        }
    }
    line
}
