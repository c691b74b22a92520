//! What the broker does to its clients.

use std::sync::Arc;
use std::time::Duration;

use lightbus::{Bus, CallError, Error};
use lightbus_test_support::broker::{fresh_namespace, process_at};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::{Ledger, Observer};
use lightbus_test_support::load::{
    CounterApi, CounterClient, Happened, Load, SUBSCRIPTIONS, healthy, next_number, publish, serve, subscribe,
};
use lightbus_test_support::node::Node;
use lightbus_test_support::wait::{GUARD, eventually, guarded};
use tokio::sync::watch;

/// More events than one process is handed at a time.
const BACKLOG: u64 = 100;

/// How long a call may take during an alarm.
const EXPIRY: Duration = Duration::from_secs(1);

/// Longer than a silent connection is tolerated.
const LONGER_THAN_SILENCE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_broker_closes_are_reopened() {
    let node = Node::exclusive().await;
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let join = async |service| -> Bus { process_at(node.url(), service, &namespace).connect().await.unwrap() };
    let (server, caller, subscriber) = (join("counter").await, join("counter").await, join("audit").await);
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let all = [&server, &caller, &subscriber];
    let load = Load::start(&caller, &caller, &ledger);
    for _ in 0..rounds(2) {
        load.wait_for_answers(50).await;
        node.rabbitmqctl(&["close_all_connections", "a test"]).await;
        healthy(&all).await;
    }
    load.wait_for_answers(50).await;
    load.stop().await;
    ledger.balance("connections that the broker closes", &SUBSCRIPTIONS).await;
    for bus in all {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_alarm_blocks_only_publishers() {
    let node = Node::exclusive().await;
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let join = async |service| -> Bus { process_at(node.url(), service, &namespace).connect().await.unwrap() };
    let (server, publisher, subscriber) = (join("counter").await, join("counter").await, join("audit").await);
    let open = serve(&server, &ledger).await;
    publisher.own_api::<CounterApi>();
    let let_go = subscribe_held(&subscriber, &ledger).await;
    for number in 1..=BACKLOG {
        ledger.publish_started(number);
        publisher.publish(Happened { number }).await.unwrap();
        ledger.publish_ended(number, true);
    }
    // It would end with its connection.
    let client = CounterClient::new(&publisher);
    ledger.call_started(1, false);
    let held = tokio::spawn(client.hold(1).timeout(GUARD).into_future());
    eventually("the call runs", || ledger.has_run(1)).await;

    node.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
    let late = BACKLOG + 1;
    ledger.publish_started(late);
    let error = publisher.publish(Happened { number: late }).timeout(LONGER_THAN_SILENCE).await.unwrap_err();
    assert!(matches!(error, Error::NotConfirmed { .. }), "{error:?}");
    ledger.publish_ended(late, false);
    let number = BACKLOG + 2;
    ledger.publish_started(number);
    let waiting = tokio::spawn(publisher.publish(Happened { number }).timeout(GUARD).into_future());
    let_go.send_replace(true);
    // More than was handed out before: the broker goes on taking acknowledgements and delivering.
    ledger.all_handled(&["held"]).await;
    assert!(!waiting.is_finished(), "the broker has lifted its alarm too soon");

    node.rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    guarded(waiting).await.unwrap().unwrap();
    ledger.publish_ended(number, true);
    open.send_replace(true);
    let answer = guarded(held).await.unwrap();
    ledger.call_ended(1, &answer, Duration::ZERO, GUARD);
    answer.unwrap();
    ledger.balance("a broker short of memory", &["held"]).await;
    for bus in [&server, &publisher, &subscriber] {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_expire_during_an_alarm_never_run_and_connections_survive_its_end() {
    let node = Node::exclusive().await;
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let join = async |service| -> Bus { process_at(node.url(), service, &namespace).connect().await.unwrap() };
    let (server, caller, subscriber) = (join("counter").await, join("counter").await, join("audit").await);
    let open = serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    caller.own_api::<CounterApi>();
    let client = CounterClient::new(&caller);
    // This call would end with its connection.
    let held = next_number();
    ledger.call_started(held, false);
    let holding = tokio::spawn(client.hold(held).timeout(GUARD).into_future());
    eventually("the call runs", || ledger.has_run(held)).await;

    node.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
    // The broker blocks a connection when it publishes.
    let first = next_number();
    ledger.call_started(first, false);
    let error = client.once(first).timeout(EXPIRY).await;
    ledger.call_ended(first, &error, EXPIRY, EXPIRY);
    let events = (0..BACKLOG * 10).map(|_| tokio::spawn(publish(caller.clone(), next_number(), ledger.clone())));
    let events: Vec<_> = events.collect();
    let calls = (0..BACKLOG * 30).map(|_| {
        let (number, ledger) = (next_number(), ledger.clone());
        ledger.call_started(number, false);
        let call = client.once(number).timeout(EXPIRY);
        tokio::spawn(async move {
            let result = call.await;
            ledger.call_ended(number, &result, EXPIRY, EXPIRY);
            assert!(matches!(result, Err(CallError::NotConnected { .. })), "{result:?}");
        })
    });
    for call in calls.collect::<Vec<_>>() {
        guarded(call).await.unwrap();
    }

    node.rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    for event in events {
        guarded(event).await.unwrap();
    }
    open.send_replace(true);
    let answer = guarded(holding).await.unwrap();
    ledger.call_ended(held, &answer, Duration::ZERO, GUARD);
    answer.unwrap();
    ledger.balance("calls and events during an alarm", &SUBSCRIPTIONS).await;
    assert_eq!(ledger.unconfirmed(), 0);
    for bus in [&server, &caller, &subscriber] {
        bus.shutdown().await;
    }
}

/// Subscribes with a handler that ends once it is let go.
async fn subscribe_held(bus: &Bus, ledger: &Arc<Ledger>) -> watch::Sender<bool> {
    let (let_go, gate) = watch::channel(false);
    let ledger = ledger.clone();
    bus.subscribe("held", move |event: Happened| {
        let (ledger, mut gate) = (ledger.clone(), gate.clone());
        async move {
            let _ = gate.wait_for(|open| *open).await;
            ledger.handled("held", event.number);
        }
    })
    .await
    .unwrap();
    let_go
}
