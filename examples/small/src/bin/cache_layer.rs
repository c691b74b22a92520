//! Keeps the answers of idempotent methods at the caller. A layer sees bodies as bytes, so it needs no types.
//!
//! ```text
//! 12 euros
//! 12 euros
//! the method ran once
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lightbus::layer::{Layer, Message, Next, Outcome};
use lightbus::message::Payload;
use lightbus::prelude::*;

#[lightbus::api(name = "small.prices")]
trait Prices {
    /// Returns the price of a part.
    #[rpc(idempotent)]
    async fn price(&self, part: &str) -> String;
}

struct List(Arc<AtomicU32>);

impl Prices for List {
    async fn price(&self, _part: &str) -> String {
        self.0.fetch_add(1, Ordering::Relaxed);
        "12 euros".to_owned()
    }
}

/// Answers by method and arguments. A real cache forgets some after a while.
#[derive(Default)]
struct Cache(Mutex<HashMap<(String, Vec<u8>), Payload>>);

impl Layer for Cache {
    async fn call(&self, message: &mut Message, next: Next<'_>) -> Outcome {
        if !message.is_idempotent() {
            return next.run(message).await;
        }
        let key = (message.full_name(), message.payload().bytes.to_vec());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(answer) = known {
            return Outcome::reply(answer);
        }
        let outcome = next.run(message).await;
        if let (true, Some(answer)) = (outcome.is_ok(), outcome.payload()) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
        }
        outcome
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("shop").url("memory://").connect().await?;
    let runs = Arc::new(AtomicU32::new(0));
    bus.serve(PricesServer::new(List(Arc::clone(&runs)))).await?;

    let prices = PricesClient::new(&bus).layer(Cache::default());
    for _ in 0..2 {
        println!("{}", prices.price("P-1002").await?);
    }
    if runs.load(Ordering::Relaxed) == 1 {
        println!("the method ran once");
    }
    bus.shutdown().await;
    Ok(())
}
