//! The API that the web server calls. In a company it is in a separate crate, and another application serves it.

use lightbus::prelude::*;

/// The cover of a product.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    /// The last day of the cover.
    pub until: String,
}

/// Why there is no cover.
#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum WarrantyError {
    /// The product is not known.
    #[error("no product has the serial number {serial}")]
    UnknownProduct {
        /// The serial number.
        serial: String,
    },
}

/// Warranty cover of products.
#[lightbus::api(name = "web.warranty")]
pub trait Warranty {
    /// Returns the cover of one product.
    #[rpc(idempotent)]
    async fn check(&self, serial: &str, #[context] context: &Context) -> Result<Cover, WarrantyError>;
}

/// Serves [`Warranty`].
#[derive(Debug)]
pub struct Desk;

impl Warranty for Desk {
    async fn check(&self, serial: &str, _context: &Context) -> Result<Cover, WarrantyError> {
        match serial {
            "SN-0042" => Ok(Cover { until: "2027-05-01".to_owned() }),
            _ => Err(WarrantyError::UnknownProduct { serial: serial.to_owned() }),
        }
    }
}
