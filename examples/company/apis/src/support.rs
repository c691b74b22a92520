//! What the support application offers.

use std::fmt;

use chrono::NaiveDate;
use lightbus::prelude::*;

use crate::spare_parts::PartsError;

/// A machine that a customer reports as broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The number of the case, such as `C-0007`. The customer may send the same report twice; this tells.
    pub number: String,
    /// The machine's serial number.
    pub serial: String,
    /// The number of the part that is broken.
    pub part: String,
    /// The day of the report.
    pub reported: NaiveDate,
}

/// A report and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// What the customer reported.
    pub report: Report,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A part is reserved, and the repair is free of charge.
    Covered {
        /// The last day of the machine's cover.
        until: NaiveDate,
    },
    /// A part is reserved, and the customer pays for it.
    Billed {
        /// The customer's number.
        customer: u32,
        /// What the part costs.
        price_cents: u32,
    },
    /// No part could be reserved.
    NoPart {
        /// Why spare parts refused.
        refusal: PartsError,
    },
    /// Nobody ever sold such a machine.
    UnknownProduct,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Covered { until } => write!(f, "free of charge, covered until {until}"),
            Self::Billed { customer, price_cents } => {
                write!(f, "customer {customer} pays {}.{:02}", price_cents / 100, price_cents % 100)
            }
            Self::NoPart { refusal } => write!(f, "no part, {refusal}"),
            Self::UnknownProduct => f.write_str("no such machine was ever sold"),
        }
    }
}

/// Why support could not open a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum SupportError {
    /// The number of the case breaks the rule.
    #[error("{number:?} is not the number of a case. Write C- and digits, such as C-0007")]
    InvalidNumber {
        /// The number that was given.
        number: String,
    },

    /// Another report has that number.
    #[error("{number} is the number of another report, about {serial}. Give the new report a number of its own")]
    NumberTaken {
        /// The number that was given.
        number: String,
        /// The machine that the other report is about.
        serial: String,
    },

    /// An application that support needs has failed.
    #[error("the case cannot be decided now: {reason}. Nothing is lost; open it again with the same number")]
    Unavailable {
        /// Which call failed, and why.
        reason: String,
    },
}

/// Helps customers whose machine is broken.
#[lightbus::api(name = "company.support")]
pub trait Support {
    /// Opens a case and decides it. For a report that is known the answer is the case that there is.
    #[rpc(timeout = "10s", idempotent)]
    async fn open_case(&self, report: Report) -> Result<Case, SupportError>;

    /// How many cases are decided.
    #[rpc(timeout = "2s", idempotent)]
    async fn decided(&self) -> u64;
}
