//! Publishes an event, which every subscription receives.
//!
//! ```text
//! the kitchen cooks soup
//! the till charges for soup
//! ```

use lightbus::prelude::*;
use tokio::sync::mpsc;

#[lightbus::api(name = "small.orders")]
trait Orders {
    /// A guest ordered a dish.
    #[event]
    fn ordered(dish: String);
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    // Three services, which could as well be three processes.
    let connect = async |service| Bus::service(service).url("memory://publish").connect().await;
    let (waiter, kitchen, till) = (connect("waiter").await?, connect("kitchen").await?, connect("till").await?);

    let (done, mut cooked) = mpsc::unbounded_channel();
    let cook = move |event: Ordered| std::future::ready(done.send(format!("the kitchen cooks {}", event.dish)));
    kitchen.subscribe("cook", cook).await?;
    let (done, mut charged) = mpsc::unbounded_channel();
    let charge = move |event: Ordered| std::future::ready(done.send(format!("the till charges for {}", event.dish)));
    till.subscribe("charge", charge).await?;

    waiter.own_api::<OrdersApi>(); // only the service that owns an API publishes its events
    waiter.publish(Ordered { dish: "soup".to_owned() }).await?;
    println!("{}\n{}", cooked.recv().await.unwrap_or_default(), charged.recv().await.unwrap_or_default());
    for bus in [waiter, kitchen, till] {
        bus.shutdown().await;
    }
    Ok(())
}
