//! Serves.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Common, DEADLINE, Ready, hear, say};
use crate::best::{self, Extras};
use crate::contestant::Contestant;
use crate::process::{Usage, usage};
use crate::{naive, product, raw};

/// What serving has cost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServeReport {
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

pub(super) async fn run(common: Common) -> Result<()> {
    let place = &common.place;
    match common.contestant {
        Contestant::Lightbus => product::serve(place).await?,
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
