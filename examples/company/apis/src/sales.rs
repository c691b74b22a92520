//! What the sales application offers.

use chrono::NaiveDate;
use lightbus::prelude::*;

/// One machine that was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sale {
    /// The machine's serial number, such as `SN-0042`.
    pub serial: String,
    /// Its model.
    pub model: String,
    /// The number of the customer who bought it.
    pub customer: u32,
    /// The day on which it was sold.
    pub date: NaiveDate,
}

/// Why sales refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum SalesError {
    /// It never sold such a machine.
    #[error("no machine with the serial number {serial} was sold. Compare it with the plate under the water tank")]
    NeverSold {
        /// The serial number that was asked for.
        serial: String,
    },
}

/// Who bought what.
#[lightbus::api(name = "company.sales")]
pub trait Sales {
    /// The sale of one machine.
    #[rpc(timeout = "2s", idempotent)]
    async fn sale(&self, serial: &str) -> Result<Sale, SalesError>;

    /// A machine was sold.
    #[event]
    fn product_sold(serial: String, model: String, customer: u32, date: NaiveDate);

    /// The shop has closed after so many sales. Whoever counts them knows by it whether any is still on its way.
    #[event]
    fn shop_closed(sold: u64);
}
