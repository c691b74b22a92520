//! One API, in one process: served, called, subscribed to and published on. Run it with `cargo run -p quickstart`.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use lightbus::prelude::*;
use tokio::sync::mpsc;

/// Why nobody was greeted.
#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum GreetError {
    /// The name is empty.
    #[error("nobody has an empty name")]
    NoName,
}

/// Greets people.
#[lightbus::api(name = "quickstart.greeter")]
pub trait Greeter {
    /// Greets one person.
    async fn greet(&self, name: &str) -> Result<String, GreetError>;

    /// Somebody was greeted.
    #[event]
    fn greeted(name: String);
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: &str) -> Result<String, GreetError> {
        if name.is_empty() { Err(GreetError::NoName) } else { Ok(format!("Good morning, {name}!")) }
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    // The bus is in this process, unless LIGHTBUS_URL names a RabbitMQ such as amqp://guest:guest@localhost:5672.
    let url = std::env::var("LIGHTBUS_URL").unwrap_or_else(|_| "memory://quickstart".into());
    let bus = Bus::service("quickstart").url(url).connect().await?;
    bus.serve(GreeterServer::new(Polite)).await?;

    let (heard, mut events) = mpsc::unbounded_channel();
    bus.subscribe("remember", move |event: Greeted| std::future::ready(heard.send(event))).await?;

    let greeter = GreeterClient::new(&bus); // in this process or any other on the bus
    println!("called: {}", greeter.greet("Ada").await?);
    if let Err(CallError::Method { error, .. }) = greeter.greet("").await {
        println!("refused: {error}");
    }
    bus.publish(Greeted { name: "Ada".into() }).await?;
    if let Some(Greeted { name }) = events.recv().await {
        println!("heard: {name} was greeted");
    }
    bus.shutdown().await; // an application that goes on serving calls `bus.run().await` instead
    Ok(())
}
