//! What the warranty application offers.

use chrono::NaiveDate;
use lightbus::prelude::*;

/// For how long a machine is repaired free of charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    /// The machine's serial number.
    pub serial: String,
    /// Its model.
    pub model: String,
    /// The last day of the cover.
    pub until: NaiveDate,
}

/// Why warranty refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum WarrantyError {
    /// No cover was ever started for it.
    #[error("no machine with the serial number {serial} is registered. Compare it with the plate under the water tank")]
    UnknownProduct {
        /// The serial number that was asked for.
        serial: String,
    },

    /// The cover has ended.
    #[error("the cover of {serial} ended on {until}. The repair can be done at the customer's expense")]
    Expired {
        /// The serial number that was asked for.
        serial: String,
        /// The last day of the cover.
        until: NaiveDate,
    },
}

/// Which machines are covered, and until when.
#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    /// The cover that a machine has on a day.
    #[rpc(timeout = "2s", idempotent)]
    async fn check(&self, serial: &str, on: NaiveDate) -> Result<Cover, WarrantyError>;

    /// How many machines are registered.
    #[rpc(timeout = "2s", idempotent)]
    async fn registered(&self) -> u64;

    /// The cover of a machine has started. A repeat says nothing new.
    #[event]
    fn cover_started(serial: String, until: NaiveDate);
}
