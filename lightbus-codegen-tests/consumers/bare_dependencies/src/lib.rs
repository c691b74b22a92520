//! Lightbus is the only dependency, and the edition is an older one: what the macro generates needs nothing else.

use std::error::Error;
use std::sync::Mutex;

use lightbus::{Bus, Context};

/// Parts in stock.
#[lightbus::api(name = "consumers.bare_dependencies")]
pub trait Stock {
    /// Takes parts out of the stock, and says how many are left.
    async fn take(&self, part: &str, count: u32) -> Result<u32, String>;

    /// Who asks.
    async fn caller(&self, #[context] ctx: &Context) -> String {
        ctx.service().to_owned()
    }

    /// Parts were taken.
    #[event]
    fn taken(part: String, count: u32);
}

struct Shelf(Mutex<u32>);

impl Stock for Shelf {
    async fn take(&self, part: &str, count: u32) -> Result<u32, String> {
        let mut left = self.0.lock().map_err(|error| error.to_string())?;
        *left = left.checked_sub(count).ok_or_else(|| format!("not enough of {part}"))?;
        Ok(*left)
    }
}

/// Serves the API on this bus and calls it.
///
/// # Errors
///
/// When anything does not work.
pub async fn check(bus: &Bus) -> Result<(), Box<dyn Error + Send + Sync>> {
    bus.serve(StockServer::new(Shelf(Mutex::new(5)))).await?;
    let stock = StockClient::new(bus);
    assert_eq!(stock.take("filter", 3).await?, 2);
    let refusal = stock.take("filter", 3).await.err().and_then(|error| error.into_method_error().ok());
    assert_eq!(refusal.as_deref(), Some("not enough of filter"));
    assert_eq!(stock.caller().await?, "consumers");
    bus.publish(Taken { part: "filter".into(), count: 3 }).await?;
    Ok(())
}
