//! Lets each service make two calls, and refuses further ones. A real limit would count by the minute.
//!
//! ```text
//! 42
//! 42
//! small.warehouse.count was refused: shop has made 2 calls already
//! ```

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lightbus::layer::{Layer, Message, Next, Outcome};
use lightbus::prelude::*;

#[lightbus::api(name = "small.warehouse")]
trait Warehouse {
    /// Counts the products.
    async fn count(&self) -> u64;
}

struct Shelves;

impl Warehouse for Shelves {
    async fn count(&self) -> u64 {
        42
    }
}

struct RateLimit {
    calls: u32,
    made: Mutex<HashMap<String, u32>>,
}

impl RateLimit {
    /// Counts a call, if the service may make another one.
    fn take(&self, service: &str) -> bool {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.entry(service.to_owned()).or_default();
        let allowed = *made < self.calls;
        *made += u32::from(allowed);
        allowed
    }
}

impl Layer for RateLimit {
    async fn call(&self, message: &mut Message, next: Next<'_>) -> Outcome {
        if !self.take(message.service()) {
            return Outcome::refuse(format_args!("{} has made {} calls already", message.service(), self.calls));
        }
        next.run(message).await
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("shop").url("memory://").connect().await?;
    let limit = RateLimit { calls: 2, made: Mutex::default() };
    bus.serve(WarehouseServer::new(Shelves)).layer(limit).await?;

    let warehouse = WarehouseClient::new(&bus);
    for _ in 0..3 {
        match warehouse.count().await {
            Ok(count) => println!("{count}"),
            Err(error) => println!("{error}"),
        }
    }
    bus.shutdown().await;
    Ok(())
}
