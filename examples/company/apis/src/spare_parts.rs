//! What the spare parts application offers.

use lightbus::prelude::*;

/// One kind of spare part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its number, such as `P-0101`.
    pub number: String,
    /// What it is, and for which model.
    pub name: String,
    /// What a customer pays for it, in cents.
    pub price_cents: u32,
    /// How many are in stock and not reserved.
    pub stock: u32,
}

/// One part that is set aside for a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// The case.
    pub case: String,
    /// The part's number.
    pub part: String,
    /// How many are left in stock.
    pub left: u32,
}

/// Why spare parts refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum PartsError {
    /// There is no such part.
    #[error("there is no part {part}. Look its number up in the parts list of the model")]
    UnknownPart {
        /// The number that was asked for.
        part: String,
    },

    /// All of them are reserved.
    #[error("{part} is out of stock. Try again after the next delivery")]
    OutOfStock {
        /// The part's number.
        part: String,
    },

    /// The case has a part already, and it is another one.
    #[error("{case} has {reserved} reserved already, and a case gets one part. Open another case for {part}")]
    OtherPartReserved {
        /// The case.
        case: String,
        /// The part that it has.
        reserved: String,
        /// The part that was asked for.
        part: String,
    },
}

/// What is in stock.
#[lightbus::api(name = "company.spare_parts")]
pub trait SpareParts {
    /// One part by its number.
    #[rpc(timeout = "2s", idempotent)]
    async fn find(&self, part: &str) -> Result<Part, PartsError>;

    /// Sets one part aside for a case. For the same case and part the answer is the reservation that there is, so a call
    /// whose answer was lost can be repeated.
    #[rpc(idempotent)]
    async fn reserve(&self, case: &str, part: &str, #[context] ctx: &Context) -> Result<Reservation, PartsError>;

    /// A part is running low: order more of it.
    #[event]
    fn stock_low(part: String, left: u32);
}
