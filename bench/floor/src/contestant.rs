//! Who is measured, and what all of them can do.

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::message::{Check, Cover};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Contestant {
    /// The product, through its public interface.
    Lightbus,
    /// lapin, driven as well as we know how, with what Lightbus guarantees for one connection.
    Best,
    /// The same without what costs something: properties, `mandatory`, deadlines.
    Bare,
    /// lapin as its own examples show it.
    Naive,
    /// AMQP frames over a socket, without a library: the limit.
    Raw,
}

impl Contestant {
    pub(crate) const ALL: [Self; 5] = [Self::Lightbus, Self::Best, Self::Bare, Self::Naive, Self::Raw];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lightbus => "lightbus",
            Self::Best => "best",
            Self::Bare => "bare",
            Self::Naive => "naive",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The calling side.
pub(crate) trait Caller: Clone + Send + Sync + 'static {
    /// Makes one call, and returns with its answer.
    fn call(&self, check: &Check<'_>) -> impl Future<Output = Result<Cover>> + Send;
}

/// The publishing side.
pub(crate) trait Publisher: Clone + Send + Sync + 'static {
    /// Publishes one event, and returns when the broker has it safe.
    fn publish(&self, event: &Check<'_>) -> impl Future<Output = Result<()>> + Send;
}
