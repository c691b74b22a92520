//! Writes the tables and plots of a run into pages.
//!
//! Each table goes between its markers: `measured` marks the table with all contestants, `headline` the one with Lightbus and
//! the best client by hand. Rows that a run did not measure stay as they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::rows::{EVENTS_PLOT, OVERVIEW_PLOT, TABLES};
use super::summary::Summary;
use super::{plots, table};
use crate::contestant::Contestant;
use crate::data::Data;

/// The data of earlier runs, and the pages that they go to.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// The files with the data; several if each run measured a part.
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// A page with markers for tables; may be given more than once.
    #[arg(long = "page", value_name = "FILE", default_values = ["docs/performance.md", "bench/NOTES.md"])]
    pages: Vec<PathBuf>,
    /// The folder for the plots.
    #[arg(long, value_name = "FOLDER", default_value = "docs/performance")]
    plots: PathBuf,
}

/// Where tables and plots are written.
#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// Writes the tables into this page too; may be given more than once.
    #[arg(long = "page", value_name = "FILE")]
    pages: Vec<PathBuf>,
    /// Writes the plots into this folder.
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

/// Writes tables and plots from the data of earlier runs.
pub(crate) fn document(args: &DocumentArgs) -> Result<()> {
    let mut runs = args.data.iter().map(|path| Data::load(path));
    let mut data = runs.next().context("there is no data")??;
    for more in runs {
        data.add(more?);
    }
    write_tables(&data, &args.pages)?;
    write_plots(&data, &args.plots)
}

impl Pages {
    /// Writes the tables and plots of a run.
    pub(crate) fn write(&self, data: &Data) -> Result<()> {
        if !self.pages.is_empty() {
            write_tables(data, &self.pages)?;
        }
        self.plots.as_deref().map_or(Ok(()), |folder| write_plots(data, folder))
    }
}

fn write_tables(data: &Data, pages: &[PathBuf]) -> Result<()> {
    let tables = render(data);
    let mut unused: BTreeSet<&str> = tables.iter().map(|(marker, _)| &**marker).collect();
    for page in pages {
        let mut text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
        for (marker, table) in &tables {
            if let Some(replaced) = replace(&text, marker, table) {
                text = replaced;
                unused.remove(&**marker);
            }
        }
        fs::write(page, text).with_context(|| format!("cannot write {}", page.display()))?;
    }
    // The pages decide which headlines they show.
    if let Some(marker) = unused.into_iter().find(|marker| marker.starts_with("measured: ")) {
        bail!("no page has the lines `<!-- {marker} -->` and, after it, `<!-- end: {marker} -->` for this table");
    }
    Ok(())
}

/// Returns all tables that can be rendered, by the names of their markers.
fn render(data: &Data) -> Vec<(String, String)> {
    let summary = Summary::of(data);
    let mut tables = vec![("measured: machine".to_owned(), data.machine.table(data.rounds()))];
    for table in TABLES {
        let all = table::render(table, &Contestant::ALL, &summary);
        let headline = table::render(table, &[Contestant::Lightbus, Contestant::Best], &summary);
        tables.extend(all.map(|rendered| (format!("measured: {}", table.name), rendered)));
        tables.extend(headline.map(|rendered| (format!("headline: {}", table.name), rendered)));
    }
    tables
}

fn write_plots(data: &Data, folder: &Path) -> Result<()> {
    let summary = Summary::of(data);
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let rows = TABLES.iter().flat_map(|table| table.rows);
    for (name, plot) in [
        ("overview", plots::bars(OVERVIEW_PLOT, &summary)),
        ("events", plots::bars(EVENTS_PLOT, &summary)),
        ("ratios", plots::ratios(rows, &summary)),
        ("call", plots::call(&summary)),
        ("sizes", plots::sizes(&summary)),
    ] {
        if let Some(plot) = plot {
            let path = folder.join(name).with_extension("svg");
            svg::save(&path, &plot).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Replaces the text between two markers. Returns `None` if the text does not have them in this order.
fn replace(text: &str, marker: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {marker} -->\n"), format!("<!-- end: {marker} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{content}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn only_the_text_between_the_markers_is_replaced() {
        let page = "a\n<!-- measured: x -->\nold\n<!-- end: measured: x -->\nb\n";
        let written = "a\n<!-- measured: x -->\n\nnew\n\n<!-- end: measured: x -->\nb\n";
        assert_eq!(replace(page, "measured: x", "new\n").as_deref(), Some(written));
        assert_eq!(replace(written, "measured: x", "new\n").as_deref(), Some(written));
        assert_eq!(replace(page, "headline: x", "new"), None);
    }
}
