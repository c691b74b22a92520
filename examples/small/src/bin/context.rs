//! Tells a handler who calls it and how much time is left. Calls within a handler inherit its deadline.
//!
//! ```text
//! the shop asked, and the supplier has less than two seconds, too
//! ```

use std::time::Duration;

use lightbus::prelude::*;

#[lightbus::api(name = "small.warehouse")]
trait Warehouse {
    /// Tells whether a part can be delivered.
    async fn delivers(&self, part: &str, #[context] context: &Context) -> String;
}

#[lightbus::api(name = "small.supplier")]
trait Supplier {
    /// Returns whether the caller is in a hurry.
    async fn is_urgent(&self, #[context] context: &Context) -> bool;
}

struct Shelves(SupplierClient);

impl Warehouse for Shelves {
    async fn delivers(&self, _part: &str, context: &Context) -> String {
        let caller = context.service();
        match self.0.is_urgent().await {
            Ok(true) => format!("the {caller} asked, and the supplier has less than two seconds, too"),
            other => format!("not expected: {other:?}"),
        }
    }
}

struct Factory;

impl Supplier for Factory {
    async fn is_urgent(&self, context: &Context) -> bool {
        // A call has five seconds by default, but this one has the rest of the two seconds of its caller.
        context.time_left().is_some_and(|left| left < Duration::from_secs(2))
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let connect = async |service| Bus::service(service).url("memory://context").connect().await;
    let (shop, warehouse, supplier) = (connect("shop").await?, connect("warehouse").await?, connect("supplier").await?);
    supplier.serve(SupplierServer::new(Factory)).await?;
    warehouse.serve(WarehouseServer::new(Shelves(SupplierClient::new(&warehouse)))).await?;

    println!("{}", WarehouseClient::new(&shop).delivers("P-1002").timeout(Duration::from_secs(2)).await?);
    for bus in [shop, warehouse, supplier] {
        bus.shutdown().await;
    }
    Ok(())
}
