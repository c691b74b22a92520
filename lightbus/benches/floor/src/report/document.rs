//! Writes what was measured into the page on performance.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// The data of a run, as it was kept.
    data: PathBuf,
    /// The page.
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
}

pub(crate) fn document(args: &DocumentArgs) -> Result<()> {
    let _ = super::data::Data::load(&args.data)?;
    Ok(())
}
