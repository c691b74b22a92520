//! What the applications of the shop know of each other.

use lightbus::prelude::*;

/// The cover of a product.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    /// The last day.
    pub until: String,
}

/// Why the warranty desk refuses a request.
#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum WarrantyError {
    /// The desk does not know the product.
    #[error("no product has the serial number {serial}")]
    UnknownProduct {
        /// The serial number in the request.
        serial: String,
    },
}

/// Warranty cover of products.
#[lightbus::api(name = "shop.warranty")]
pub trait Warranty {
    /// Returns the cover of one product.
    async fn check(&self, serial: &str) -> Result<Cover, WarrantyError>;

    /// Somebody asked for the cover of a product.
    #[event]
    fn cover_checked(serial: String, covered: bool);
}
