//! Subscribes to events of every type, as an audit log does.
//!
//! ```text
//! small.door.opened by door: {"name":"front"}
//! small.door.closed by door: {"name":"front"}
//! ```

use lightbus::prelude::*;
use tokio::sync::mpsc;

#[lightbus::api(name = "small.door")]
trait Door {
    /// A door was opened.
    #[event]
    fn opened(name: String);

    /// A door was closed.
    #[event]
    fn closed(name: String);
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("door").url("memory://").connect().await?;
    bus.own_api::<DoorApi>();

    let (log, mut lines) = mpsc::unbounded_channel();
    let audit = move |event: AnyEvent, context: Context| {
        let log = log.clone();
        async move {
            let fields: serde_json::Value = event.decode()?;
            log.send(format!("{}.{} by {}: {fields}", event.api(), event.name(), context.service()))?;
            Ok::<_, HandlerError>(())
        }
    };
    // `*` stands for one part of a name, and `#` for any number of parts.
    bus.subscribe_pattern("audit", "small.#", audit).concurrency(1).await?;

    bus.publish(Opened { name: "front".to_owned() }).await?;
    bus.publish(Closed { name: "front".to_owned() }).await?;
    for _ in 0..2 {
        println!("{}", lines.recv().await.unwrap_or_default());
    }
    bus.shutdown().await;
    Ok(())
}
