//! Lines that break, fall silent, or are slow.

use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use tokio::time::Instant;

use crate::broker::{fresh_namespace, process, process_by};
use crate::ledger::Ledger;
use crate::load::{
    Book, CounterApi, CounterClient, HappenedAtLength, Load, SUBSCRIPTIONS, healthy, next_number, rounds, serve,
    subscribe,
};
use crate::relay::{Relay, Way};

const HELD: Way = Way { held: true, delay: Duration::ZERO, per_byte: Duration::ZERO };
const OPEN: Way = Way { held: false, ..HELD };

/// Shorter than what it takes the heartbeats to tell that a connection is dead.
const SOONER_THAN_HEARTBEATS: Duration = Duration::from_secs(18);

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_falls_silent_is_noticed_within_seconds() {
    for (to_broker, from_broker) in [(HELD, HELD), (HELD, OPEN), (OPEN, HELD)] {
        let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
        let server = process("counter", &namespace).connect().await.unwrap();
        let caller = process_by(relay.url(), "caller", &namespace).connect().await.unwrap();
        let open = serve(&server, &ledger).await;
        let client = CounterClient::new(&caller);
        let begun = Instant::now();
        let call = tokio::spawn(client.hold(1).timeout(SOONER_THAN_HEARTBEATS).into_future());
        relay.set(to_broker, from_broker);
        let error = call.await.unwrap().unwrap_err();
        println!("a silent line: noticed after {:?} ({to_broker:?}, {from_broker:?})", begun.elapsed());
        assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error:?}");
        relay.mend();
        healthy(&[&caller]).await;
        open.send_replace(true);
        caller.shutdown().await;
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_break_under_load_lose_nothing() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let relays = [Relay::start().await, Relay::start().await, Relay::start().await];
    let [serving, calling, subscribing] = &relays;
    let join = async |relay: &Relay, service| process_by(relay.url(), service, &namespace).connect().await.unwrap();
    let (server, caller, subscriber) =
        (join(serving, "counter").await, join(calling, "counter").await, join(subscribing, "audit").await);
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let all = [&server, &caller, &subscriber];

    let load = Load::start(&caller, &caller, &ledger);
    for _ in 0..rounds(1) {
        for relay in &relays {
            load.goes_well(50).await;
            relay.cut();
            relay.mend();
            healthy(&all).await;
            load.goes_well(50).await;
            relay.set(HELD, HELD);
            crate::broker::eventually("the silence is noticed", || all.iter().any(|bus| !bus.health().connected)).await;
            relay.mend();
            healthy(&all).await;
        }
    }
    load.goes_well(50).await;
    load.stop().await;
    ledger.balance("lines that break and fall silent", &SUBSCRIPTIONS).await;
    for bus in all {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_is_not_taken_for_a_dead_one() {
    let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
    let server = process("counter", &namespace).connect().await.unwrap();
    let caller = process_by(relay.url(), "counter", &namespace).connect().await.unwrap();
    let subscriber = process_by(relay.url(), "audit", &namespace).connect().await.unwrap();
    let open = serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    // It would end with the connection that it was made on.
    let held = next_number();
    ledger.calls(held, false);
    let timeout = crate::broker::GUARD;
    let client = CounterClient::new(&caller);
    let call = tokio::spawn(client.hold(held).timeout(timeout).into_future());

    let slow = Way { delay: Duration::from_millis(30), per_byte: Duration::from_micros(5), ..OPEN };
    relay.set(slow, slow);
    let load = Load::start(&caller, &caller, &ledger);
    load.goes_well(rounds(500) as usize).await;
    load.stop().await;
    open.send_replace(true);
    ledger.ended(held, &call.await.unwrap(), Duration::ZERO, timeout);
    let failures = ledger.balance("a slow line", &SUBSCRIPTIONS).await;
    assert!(failures.keys().all(|(kind, _)| kind != "OutcomeUnknown"), "{failures:?}");
    relay.mend();
    for bus in [&server, &caller, &subscriber] {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_takes_longer_than_silence_is_borne_arrives() {
    let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
    let publisher = process("counter", &namespace).connect().await.unwrap();
    let subscriber = process_by(relay.url(), "audit", &namespace).connect().await.unwrap();
    publisher.own_api::<CounterApi>();
    let book = ledger.clone();
    subscriber
        .subscribe("long", move |event: HappenedAtLength| {
            book.handles("long", event.number);
            async {}
        })
        .await
        .unwrap();
    // Nothing else comes through while it does, and that takes some ten seconds.
    let per_byte = Duration::from_micros(5);
    relay.set(OPEN, Way { per_byte, ..OPEN });
    let (number, words) = (next_number(), "a".repeat(2_000_000));
    ledger.publishes(number);
    publisher.publish(HappenedAtLength { number, words }).await.unwrap();
    ledger.published(number, true);
    ledger.balance("a long message on a slow line", &["long"]).await;
    relay.mend();
    publisher.shutdown().await;
    subscriber.shutdown().await;
}
