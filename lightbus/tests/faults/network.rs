//! Lines that break, fall silent, or are slow.

use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, process_at};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::{Ledger, Observer};
use lightbus_test_support::load::{
    CounterApi, CounterClient, HappenedAtLength, Load, SUBSCRIPTIONS, healthy, next_number, serve, subscribe,
};
use lightbus_test_support::relay::{Relay, Traffic};
use lightbus_test_support::wait::{GUARD, eventually};
use tokio::time::Instant;

/// Shorter than what it takes the heartbeats to tell that a connection is dead.
const SOONER_THAN_HEARTBEATS: Duration = Duration::from_secs(18);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_noticed_within_seconds() {
    for (to_broker, from_broker) in
        [(Traffic::HELD, Traffic::HELD), (Traffic::HELD, Traffic::OPEN), (Traffic::OPEN, Traffic::HELD)]
    {
        let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
        let server = process("counter", &namespace).connect().await.unwrap();
        let caller = process_at(relay.url(), "caller", &namespace).connect().await.unwrap();
        let open = serve(&server, &ledger).await;
        let client = CounterClient::new(&caller);
        let begun = Instant::now();
        let call = tokio::spawn(client.hold(1).timeout(SOONER_THAN_HEARTBEATS).into_future());
        relay.set(to_broker, from_broker);
        let error = call.await.unwrap().unwrap_err();
        println!("a silent line: noticed after {:?} ({to_broker:?}, {from_broker:?})", begun.elapsed());
        assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error:?}");
        relay.restore();
        healthy(&[&caller]).await;
        open.send_replace(true);
        caller.shutdown().await;
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn network_failures_under_load_lose_nothing() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let relays = [Relay::start().await, Relay::start().await, Relay::start().await];
    let [serving, calling, subscribing] = &relays;
    let join = async |relay: &Relay, service| process_at(relay.url(), service, &namespace).connect().await.unwrap();
    let (server, caller, subscriber) =
        (join(serving, "counter").await, join(calling, "counter").await, join(subscribing, "audit").await);
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let all = [&server, &caller, &subscriber];

    let load = Load::start(&caller, &caller, &ledger);
    for _ in 0..rounds(1) {
        for relay in &relays {
            load.wait_for_answers(50).await;
            relay.cut();
            relay.restore();
            healthy(&all).await;
            load.wait_for_answers(50).await;
            relay.set(Traffic::HELD, Traffic::HELD);
            eventually("the silence is noticed", || all.iter().any(|bus| !bus.health().connected)).await;
            relay.restore();
            healthy(&all).await;
        }
    }
    load.wait_for_answers(50).await;
    load.stop().await;
    ledger.balance("lines that break and fall silent", &SUBSCRIPTIONS).await;
    for bus in all {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_does_not_count_as_lost() {
    let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
    let server = process("counter", &namespace).connect().await.unwrap();
    let caller = process_at(relay.url(), "counter", &namespace).connect().await.unwrap();
    let subscriber = process_at(relay.url(), "audit", &namespace).connect().await.unwrap();
    let open = serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    // It would end with the connection that it was made on.
    let held = next_number();
    ledger.call_started(held, false);
    let timeout = GUARD;
    let client = CounterClient::new(&caller);
    let call = tokio::spawn(client.hold(held).timeout(timeout).into_future());

    let slow = Traffic { delay: Duration::from_millis(30), per_byte: Duration::from_micros(5), ..Traffic::OPEN };
    relay.set(slow, slow);
    let load = Load::start(&caller, &caller, &ledger);
    load.wait_for_answers(rounds(500) as usize).await;
    load.stop().await;
    open.send_replace(true);
    ledger.call_ended(held, &call.await.unwrap(), Duration::ZERO, timeout);
    let failures = ledger.balance("a slow line", &SUBSCRIPTIONS).await;
    assert!(failures.keys().all(|(kind, _)| kind != "OutcomeUnknown"), "{failures:?}");
    relay.restore();
    for bus in [&server, &caller, &subscriber] {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_takes_longer_than_the_silence_limit_arrives() {
    let (relay, namespace, ledger) = (Relay::start().await, fresh_namespace(), Arc::new(Ledger::default()));
    let publisher = process("counter", &namespace).connect().await.unwrap();
    let subscriber = process_at(relay.url(), "audit", &namespace).connect().await.unwrap();
    publisher.own_api::<CounterApi>();
    let observer = ledger.clone();
    subscriber
        .subscribe("long", move |event: HappenedAtLength| {
            observer.handled("long", event.number);
            async {}
        })
        .await
        .unwrap();
    // Nothing else comes through while it does, and that takes some ten seconds.
    let per_byte = Duration::from_micros(5);
    relay.set(Traffic::OPEN, Traffic { per_byte, ..Traffic::OPEN });
    let (number, words) = (next_number(), "a".repeat(2_000_000));
    ledger.publish_started(number);
    publisher.publish(HappenedAtLength { number, words }).await.unwrap();
    ledger.publish_ended(number, true);
    ledger.balance("a long message on a slow line", &["long"]).await;
    relay.restore();
    publisher.shutdown().await;
    subscriber.shutdown().await;
}
