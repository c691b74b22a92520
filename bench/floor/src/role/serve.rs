//! Serves.

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Common, DEADLINE, Ready, hear, say};
use crate::best::{self, Extras};
use crate::contestant::Contestant;
use crate::place::QueueKind;
use crate::process::{Usage, usage};
use crate::{naive, product, raw};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// The kind of queue that calls wait in. It is there already; whoever declares it again must know.
    #[arg(long, default_value = "classic")]
    rpc_queue: QueueKind,
    /// How many more APIs Lightbus serves, which nobody calls.
    #[arg(long, default_value_t = 0)]
    idle_apis: usize,
}

/// What serving has cost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServeReport {
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

pub(super) async fn run(args: ServeArgs) -> Result<()> {
    let place = &args.common.place;
    match args.common.contestant {
        Contestant::Lightbus => product::serve(place, args.rpc_queue, args.idle_apis).await?,
        Contestant::Best => best::serve(place, Extras::all(DEADLINE)).await?,
        Contestant::Bare => best::serve(place, Extras::NONE).await?,
        Contestant::Naive => naive::serve(place).await?,
        Contestant::Raw => raw::serve(place).await?,
    }
    let before = usage()?;
    say(&Ready {})?;
    hear().await?;
    say(&ServeReport { before, after: usage()? })
}
