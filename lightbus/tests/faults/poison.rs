//! Events that nobody can handle, among good ones.

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lightbus::prelude::*;

use crate::broker::{fresh_namespace, process, raw_channel};
use crate::ledger::Ledger;
use crate::load::{Book, CounterApi, Happened, rounds};

/// Every so many events there is one of each kind of poison.
const EVERY: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn poison_does_not_hold_up_what_is_good() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let bus = process("counter", &namespace).connect().await.unwrap();
    bus.register::<CounterApi>();
    let book = ledger.clone();
    bus.subscribe("good", move |event: Happened| {
        let book = book.clone();
        async move {
            match event.number % EVERY {
                0 => panic!("poison"),
                1 => Err(HandlerError::reject("poison")),
                _ => {
                    book.handles("good", event.number);
                    Ok(())
                }
            }
        }
    })
    .concurrency(4)
    .await
    .unwrap();

    let (channel, exchange) = (raw_channel().await, format!("{namespace}.events"));
    let count = u64::from(rounds(300));
    for number in 0..count {
        if number % EVERY > 1 {
            ledger.publishes(number);
        }
        bus.publish(Happened { number }).await.unwrap();
        if number % EVERY > 1 {
            ledger.published(number, true);
        } else {
            let options = BasicPublishOptions::default();
            let (exchange, key) = (exchange.as_str().into(), "faults.counter.happened".into());
            channel.basic_publish(exchange, key, options, b"\xc1", BasicProperties::default()).await.unwrap();
        }
    }
    ledger.balance("poison among good events", &["good"]).await;
    // One rejected and two that do not decode for each that panics, which may still be tried again.
    let for_good = count / EVERY * 3;
    loop {
        let letters = bus.dead_letters("good").count().await.unwrap();
        assert!(letters <= for_good + count / EVERY, "more dead letters than poison: {letters}");
        if letters >= for_good {
            break;
        }
    }
    bus.shutdown().await;
}
