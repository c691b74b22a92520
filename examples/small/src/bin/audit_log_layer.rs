//! Writes a line about each call and each event of a process, with its outcome.
//!
//! ```text
//! Serve small.warehouse.count for shop: ok
//! Call small.warehouse.count for shop: ok
//! Publish small.warehouse.emptied for shop: ok
//! ```

use lightbus::layer::{Message, Next, Outcome};
use lightbus::prelude::*;

#[lightbus::api(name = "small.warehouse")]
trait Warehouse {
    /// Counts the products.
    async fn count(&self) -> u64;

    /// The last product was sold.
    #[event]
    fn emptied();
}

struct Shelves;

impl Warehouse for Shelves {
    async fn count(&self) -> u64 {
        42
    }
}

async fn audit(message: &mut Message, next: Next<'_>) -> Outcome {
    let outcome = next.run(message).await;
    let (occasion, name, service) = (message.occasion(), message.full_name(), message.service());
    println!("{occasion:?} {name} for {service}: {}", outcome.status());
    outcome
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    // A layer of the bus is around everything that the process sends and handles.
    let bus = Bus::service("shop").url("memory://").layer(audit).connect().await?;
    bus.serve(WarehouseServer::new(Shelves)).await?;

    WarehouseClient::new(&bus).count().await?;
    bus.publish(Emptied {}).await?;
    bus.shutdown().await;
    Ok(())
}
