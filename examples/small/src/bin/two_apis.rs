//! Serves two APIs with one value in one process.
//!
//! ```text
//! Ada lives in London
//! 1 customer
//! ```

use std::sync::Arc;

use lightbus::prelude::*;

#[lightbus::api(name = "small.customers")]
trait Customers {
    /// Returns the town of a customer.
    async fn town(&self, name: &str) -> Option<String>;
}

/// An API for the back office. Each API has its own queue, and can have its own concurrency.
#[lightbus::api(name = "small.office")]
trait Office {
    /// Returns the number of customers.
    async fn count(&self) -> usize;
}

struct Database(Vec<(&'static str, &'static str)>);

impl Customers for Database {
    async fn town(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(customer, _)| *customer == name).map(|(_, town)| (*town).to_owned())
    }
}

impl Office for Database {
    async fn count(&self) -> usize {
        self.0.len()
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("customers").url("memory://").connect().await?;
    let database = Arc::new(Database(vec![("Ada", "London")]));
    bus.serve(CustomersServer::from_arc(Arc::clone(&database))).await?;
    bus.serve(OfficeServer::from_arc(database)).concurrency(1).await?;

    let town = CustomersClient::new(&bus).town("Ada").await?;
    println!("Ada lives in {}", town.unwrap_or_default());
    println!("{} customer", OfficeClient::new(&bus).count().await?);
    bus.shutdown().await;
    Ok(())
}
