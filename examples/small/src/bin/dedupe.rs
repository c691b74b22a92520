//! Drops repeats of an event with a store of your own, such as a table of the application's database.
//!
//! ```text
//! handled before? no
//! attempt 1 fails, so it is not remembered
//! handled before? no
//! attempt 2 charges 7
//! remembered
//! ```

use std::collections::HashSet;
use std::sync::Mutex;

use lightbus::DedupeStore;
use lightbus::name::SubscriptionName;
use lightbus::prelude::*;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[lightbus::api(name = "small.shop")]
trait Shop {
    /// A customer bought something.
    #[event]
    fn bought(price: u64);
}

struct Table {
    ids: Mutex<HashSet<String>>,
    remembered: UnboundedSender<()>,
}

impl DedupeStore for Table {
    async fn is_handled(&self, _: &SubscriptionName, id: &str) -> Result<bool, HandlerError> {
        let is_handled = self.ids.lock().is_ok_and(|ids| ids.contains(id));
        println!("handled before? {}", if is_handled { "yes" } else { "no" });
        Ok(is_handled)
    }

    async fn remember(&self, _: &SubscriptionName, id: &str) -> Result<(), HandlerError> {
        self.ids.lock().map(|mut ids| ids.insert(id.to_owned())).map_err(|_| HandlerError::new("no table"))?;
        println!("remembered");
        self.remembered.send(())?;
        Ok(())
    }
}

async fn charge(event: Bought, context: Context) -> Result<(), HandlerError> {
    if context.attempt() == 1 {
        println!("attempt 1 fails, so it is not remembered");
        return Err(HandlerError::new("the bank does not answer"));
    }
    println!("attempt {} charges {}", context.attempt(), event.price);
    Ok(())
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("shop").url("memory://").connect().await?;
    bus.own_api::<ShopApi>();
    let (remembered, mut done) = unbounded_channel();
    bus.subscribe("charge", charge).dedupe(Table { ids: Mutex::default(), remembered }).await?;
    bus.publish(Bought { price: 7 }).await?;
    done.recv().await;
    bus.shutdown().await;
    Ok(())
}
