//! Writes what was measured into the page on performance: tables between markers, and plots in a folder beside it.
//!
//! What a run did not measure stays as it is on the page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::data::Data;
use super::rows::{EVENTS_PLOT, OVERVIEW_PLOT, TABLES};
use super::summary::Summary;
use super::{plots, table};

/// The data of a run, and the page that it goes to.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// The data of a run, as it was kept; of several, when each measured a part.
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The page.
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
}

/// Writes the page from data that was kept.
pub(crate) fn document(args: &DocumentArgs) -> Result<()> {
    let mut runs = args.data.iter().map(|path| Data::load(path));
    let mut data = runs.next().context("there is no data")??;
    for more in runs {
        data.add(more?);
    }
    write(&data, &args.page)
}

/// Writes what was measured into the page, and the plots beside it.
pub(crate) fn write(data: &Data, page: &Path) -> Result<()> {
    let summary = Summary::of(data);
    let mut text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    text = replace(&text, "machine", &data.machine.table(data.rounds()))?;
    for table in TABLES {
        if let Some(rendered) = table::render(table, &summary) {
            text = replace(&text, table.name, &rendered)?;
        }
    }
    fs::write(page, text).with_context(|| format!("cannot write {}", page.display()))?;

    let folder = page.with_extension("");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
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

/// The text with something else between the two markers of that name.
fn replace(text: &str, name: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end: {name} -->"));
    let Some(((before, rest), (_, after))) = text.split_once(&begin).zip(text.split_once(&end)) else {
        bail!(
            "the page has no lines {:?} and {end:?} to write between. Put them where the table is to be",
            begin.trim()
        );
    };
    if !rest.contains(&end) {
        bail!("on the page, {end:?} comes before {:?}", begin.trim());
    }
    Ok(format!("{before}{begin}\n{content}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = "a\n<!-- measured: x -->\nold\n<!-- end: x -->\nb\n";
        let written = replace(page, "x", "new\n").unwrap();
        assert_eq!(written, "a\n<!-- measured: x -->\n\nnew\n\n<!-- end: x -->\nb\n");
        assert_eq!(replace(&written, "x", "new\n").unwrap(), written);
        assert!(replace(page, "y", "new").is_err());
    }
}
