//! Shuts down without losing the call that is running.
//!
//! ```text
//! the shutdown waits for the running call
//! answer: the cake is baked
//! ```

use std::sync::Arc;

use lightbus::prelude::*;
use tokio::sync::Notify;

#[lightbus::api(name = "small.bakery")]
trait Bakery {
    /// Bakes a cake.
    async fn bake(&self) -> String;
}

#[derive(Default)]
struct Oven {
    started: Notify,
    finish: Notify,
}

impl Bakery for Oven {
    async fn bake(&self) -> String {
        self.started.notify_one();
        self.finish.notified().await;
        "the cake is baked".to_owned()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connect = async |service| Bus::service(service).url("memory://shutdown").connect().await;
    let (bakery, guest, oven) = (connect("bakery").await?, connect("guest").await?, Arc::new(Oven::default()));
    bakery.serve(BakeryServer::from_arc(Arc::clone(&oven))).await?;

    let client = BakeryClient::new(&guest);
    let baking = tokio::spawn(client.bake().into_future());
    oven.started.notified().await;

    // `bus.run().await` does the same at SIGINT or SIGTERM: it takes no further messages and waits for its handlers.
    let shutdown = tokio::spawn(async move { bakery.shutdown().await });
    tokio::task::yield_now().await;
    assert!(!shutdown.is_finished());
    println!("the shutdown waits for the running call");
    oven.finish.notify_one();
    println!("answer: {}", baking.await??);
    shutdown.await?;
    guest.shutdown().await;
    Ok(())
}
