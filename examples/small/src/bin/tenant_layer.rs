//! Reads whose call it is from a header, in a layer, and shows the handler. Calls without the header are refused.
//!
//! ```text
//! north has 7 products
//! small.warehouse.count was refused: the header x-tenant is missing
//! ```

use lightbus::layer::{Message, Next, Outcome};
use lightbus::prelude::*;

#[lightbus::api(name = "small.warehouse")]
trait Warehouse {
    /// Counts the products of the tenant that calls.
    async fn count(&self, #[context] context: &Context) -> String;
}

/// Who the call is for.
struct Tenant(String);

struct Shelves;

impl Warehouse for Shelves {
    async fn count(&self, context: &Context) -> String {
        let tenant = context.extension::<Tenant>().map_or("nobody", |tenant| &tenant.0);
        format!("{tenant} has 7 products")
    }
}

async fn tenant(message: &mut Message, next: Next<'_>) -> Outcome {
    let Some(tenant) = message.header("x-tenant").map(str::to_owned) else {
        return Outcome::refuse("the header x-tenant is missing");
    };
    message.insert(Tenant(tenant));
    next.run(message).await
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("warehouse").url("memory://").connect().await?;
    bus.serve(WarehouseServer::new(Shelves)).layer(tenant).await?;

    let warehouse = WarehouseClient::new(&bus);
    println!("{}", warehouse.count().header("x-tenant", "north").await?);
    match warehouse.count().await {
        Err(error @ CallError::Refused { .. }) => println!("{error}"),
        other => println!("not expected: {other:?}"),
    }
    bus.shutdown().await;
    Ok(())
}
