//! Compares the data of runs, and shows them as tables and plots.

mod document;
mod plots;
mod rows;
mod summary;
mod table;

use std::path::Path;

use anyhow::Result;

pub(crate) use self::document::{DocumentArgs, Pages, document};
use self::rows::{RATIOS, TABLES};
use self::summary::Summary;
use crate::contestant::Contestant;
use crate::data::Data;

/// Prints the tables, and the ratios in the last line.
#[allow(clippy::print_stdout, reason = "this is the output of the program")]
pub(crate) fn print(data: &Data, path: &Path) -> Result<()> {
    let summary = Summary::of(data);
    println!("\n{}", data.machine.table(data.rounds()));
    for table in TABLES {
        if let Some(text) = table::render(table, &Contestant::ALL, &summary) {
            println!("{}\n\n{text}", table.title);
        }
    }
    println!("The data is in {}. Tables show medians (lowest–highest) of {} rounds.", path.display(), data.rounds());
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
