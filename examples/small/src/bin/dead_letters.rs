//! Lists the events that a handler rejected, and replays them after the problem is solved.
//!
//! ```text
//! 1 dead letter: small.mail.received, "the letterbox is jammed" after 1 attempt
//! replayed 1
//! read: Dear Ada
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lightbus::prelude::*;
use tokio::sync::mpsc;

#[lightbus::api(name = "small.mail")]
trait Mail {
    /// A letter arrived.
    #[event]
    fn received(text: String);
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("mail").url("memory://").connect().await?;
    bus.own_api::<MailApi>();

    let (jammed, (read, mut letters)) = (Arc::new(AtomicBool::new(true)), mpsc::unbounded_channel());
    let is_jammed = Arc::clone(&jammed);
    let handler = move |letter: Received| {
        let result = match is_jammed.load(Ordering::Relaxed) {
            true => Err(HandlerError::reject("the letterbox is jammed")), // another attempt would not help
            false => read.send(letter.text).map_err(HandlerError::from),
        };
        std::future::ready(result)
    };
    bus.subscribe("read", handler).await?;
    bus.publish(Received { text: "Dear Ada".to_owned() }).await?;

    let dead_letters = bus.dead_letters("read");
    while dead_letters.count().await? == 0 {
        tokio::task::yield_now().await;
    }
    for letter in dead_letters.list(10).await? {
        let (api, event, error, attempts) = (letter.api, letter.event, letter.error, letter.attempts);
        println!("1 dead letter: {api}.{event}, {error:?} after {attempts} attempt");
    }
    jammed.store(false, Ordering::Relaxed);
    println!("replayed {}", dead_letters.replay_all().await?);
    println!("read: {}", letters.recv().await.unwrap_or_default());
    bus.shutdown().await;
    Ok(())
}
