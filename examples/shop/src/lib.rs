//! What the applications of the shop know of each other.

use lightbus::prelude::*;

/// Until when a product is covered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    /// The last day.
    pub until: String,
}

/// Why the warranty desk refuses.
#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum WarrantyError {
    /// It has never seen the product.
    #[error("no product has the serial number {serial}")]
    UnknownProduct {
        /// What was asked for.
        serial: String,
    },
}

/// Who is covered, and until when.
#[lightbus::api(name = "shop.warranty")]
pub trait Warranty {
    /// The cover of one product.
    async fn check(&self, serial: &str) -> Result<Cover, WarrantyError>;

    /// Somebody asked for the cover of a product.
    #[event]
    fn cover_checked(serial: String, covered: bool);
}
