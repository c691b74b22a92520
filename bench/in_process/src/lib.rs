//! The API, the messages and the bus that the benchmarks without a broker use.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use lightbus::Bus;
use lightbus::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// The arguments of [`Warranty::check`], as the generated client encodes them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Check {
    /// The serial number of the product.
    pub serial: String,
    /// The number of the customer.
    pub customer: u64,
    /// A text of any length.
    pub note: String,
}

impl Check {
    /// Creates a request with a note of `size` bytes.
    pub fn of_size(size: usize) -> Self {
        Self { serial: "SN-0001234".to_owned(), customer: 42, note: "x".repeat(size) }
    }
}

/// The answer of [`Warranty::check`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    /// Whether the product is covered.
    pub ok: bool,
    /// The last day of the cover.
    pub until: String,
}

/// Warranty cover of products.
#[lightbus::api(name = "bench.warranty")]
pub trait Warranty {
    /// Returns the cover of one product.
    async fn check(&self, serial: &str, customer: u64, note: &str) -> Cover;

    /// A customer registered a product.
    #[event]
    fn registered(serial: String, customer: u64, note: String);
}

/// Serves [`Warranty`].
#[derive(Debug)]
pub struct Desk;

impl Warranty for Desk {
    async fn check(&self, serial: &str, _customer: u64, _note: &str) -> Cover {
        Cover { ok: !serial.is_empty(), until: "2027-01-01".to_owned() }
    }
}

/// Returns a new bus in memory, and the single thread that runs everything on it.
pub fn bus() -> (Runtime, Bus) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bus = runtime.block_on(async { Bus::service("warranty").url("memory://").connect().await }).unwrap();
    (runtime, bus)
}
