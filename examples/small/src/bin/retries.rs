//! Handles an event again after its handler failed, with delays of your choice.
//!
//! ```text
//! attempt 1: the oven is cold
//! attempt 2: the oven is cold
//! attempt 3: the pizza is done
//! ```

use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use tokio::sync::Notify;

#[lightbus::api(name = "small.pizzeria")]
trait Pizzeria {
    /// A guest ordered a pizza.
    #[event]
    fn pizza_ordered();
}

async fn bake(context: &Context) -> Result<(), HandlerError> {
    if context.attempt() < 3 {
        println!("attempt {}: the oven is cold", context.attempt());
        return Err(HandlerError::new("the oven is cold"));
    }
    println!("attempt {}: the pizza is done", context.attempt());
    Ok(())
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("pizzeria").url("memory://").connect().await?;
    bus.own_api::<PizzeriaApi>();

    let done = Arc::new(Notify::new());
    let baked = Arc::clone(&done);
    bus.subscribe("bake", move |_: PizzaOrdered, context: Context| {
        let baked = Arc::clone(&baked);
        async move {
            bake(&context).await?;
            baked.notify_one();
            Ok::<_, HandlerError>(())
        }
    })
    .retries(Retries::after([10, 20, 40].map(Duration::from_millis))) // by default 0 s, 1 s, 10 s and 60 s
    .await?;

    bus.publish(PizzaOrdered {}).await?;
    done.notified().await;
    bus.shutdown().await;
    Ok(())
}
