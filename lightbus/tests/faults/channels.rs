//! Channels that the broker closes, and queues that someone deletes, under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lightbus::prelude::*;
use lightbus::{Bus, Error};
use lightbus_test_support::broker::{fresh_namespace, process, process_at, raw_channel};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::{Ledger, Observer};
use lightbus_test_support::load::{
    CounterClient, HappenedAtLength, Load, SUBSCRIPTIONS, healthy, next_number, publish, serve, subscribe,
};
use lightbus_test_support::log;
use lightbus_test_support::node::Node;
use lightbus_test_support::wait::{guarded, next};
use tokio::sync::{mpsc, watch};
use tokio::time::interval;

/// How many calls are answered between two faults.
const BETWEEN: usize = 60;

/// The subscription whose handler takes too long.
const SLOW: &str = "slow";

/// How many events its handler holds at the same time.
const HELD: usize = 3;

/// How many events are published just before one that is too long, and as many after it.
const BESIDE: usize = 100;

/// More than the broker is told to take.
const TOO_LONG: usize = 200_000;

/// Up to RabbitMQ 4.2, the broker closes the channel. From 4.3 on, it cancels the consumer once for each event.
#[tokio::test(flavor = "multi_thread")]
async fn events_held_past_the_consumer_timeout_are_redelivered_and_nothing_else_is_affected() {
    log::capture();
    let (node, namespace, ledger) = (Node::exclusive().await, fresh_namespace(), Arc::new(Ledger::default()));
    node.set("consumer_timeout", "5000").await;
    node.set("channel_tick_interval", "500").await;
    let bus = process_at(node.url(), "counter", &namespace).connect().await.unwrap();
    serve(&bus, &ledger).await;
    subscribe(&bus, &ledger).await;
    let slow = Arc::new(Ledger::default());
    let (mut begun, let_go) = subscribe_slowly(&bus, &slow).await;

    let load = Load::start(&bus, &bus, &ledger);
    let numbers: BTreeSet<_> = (0..HELD).map(|_| next_number()).collect();
    for &number in &numbers {
        slow.publish_started(number);
        bus.publish(HappenedAtLength { number, words: String::new() }).await.unwrap();
        slow.publish_ended(number, true);
    }
    // Twice: each event is handed out, and then again.
    for _ in 0..2 {
        let mut handed_out = BTreeSet::new();
        while handed_out != numbers {
            handed_out.insert(while_everything_else_works(&bus, next(&mut begun)).await);
        }
    }
    log::wait_for(&[SLOW, "`consumer_timeout`"]).await;

    node.set("consumer_timeout", "1800000").await;
    node.set("channel_tick_interval", "60000").await;
    let_go.send_replace(true);
    slow.balance("events that are held for too long", &[SLOW]).await;
    healthy(&[&bus]).await;
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    let failures = ledger.balance("beside events that are held for too long", &SUBSCRIPTIONS).await;
    assert!(failures.is_empty() && ledger.unconfirmed() == 0, "{failures:?}");
    bus.shutdown().await;
}

/// Subscribes with a handler that tells of every beginning and ends when it is let go.
async fn subscribe_slowly(bus: &Bus, ledger: &Arc<Ledger>) -> (mpsc::UnboundedReceiver<u64>, watch::Sender<bool>) {
    let ((sender, begun), (let_go, gate)) = (mpsc::unbounded_channel(), watch::channel(false));
    let ledger = ledger.clone();
    bus.subscribe(SLOW, move |event: HappenedAtLength| {
        let _ = sender.send(event.number);
        let (ledger, mut gate) = (ledger.clone(), gate.clone());
        async move {
            let _ = gate.wait_for(|open| *open).await;
            ledger.handled(SLOW, event.number);
        }
    })
    .await
    .unwrap();
    (begun, let_go)
}

/// Waits, and sees meanwhile that nothing of the process but the slow subscription is interrupted.
async fn while_everything_else_works<F: Future>(bus: &Bus, future: F) -> F::Output {
    let (mut future, mut looks) = (std::pin::pin!(future), interval(Duration::from_millis(10)));
    loop {
        tokio::select! {
            output = &mut future => return output,
            _ = looks.tick() => {
                let health = bus.health();
                let well = health.consumers.iter().all(|consumer| consumer.consuming || consumer.name == SLOW);
                assert!(health.connected && well, "{health:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_for_the_broker_fails_alone() {
    log::capture();
    let (node, namespace, ledger) = (Node::exclusive().await, fresh_namespace(), Arc::new(Ledger::default()));
    node.set("max_message_size", "100000").await;
    let join = async |service| -> Bus { process_at(node.url(), service, &namespace).connect().await.unwrap() };
    let (server, caller, subscriber) = (join("counter").await, join("counter").await, join("audit").await);
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let load = Load::start(&caller, &caller, &ledger);
    for _ in 0..rounds(5) {
        load.wait_for_answers(BETWEEN).await;
        // It gets the channel closed on which all others wait for their confirms.
        let event = HappenedAtLength { number: next_number(), words: "a".repeat(TOO_LONG) };
        let good = || join_all((0..BESIDE).map(|_| publish(caller.clone(), next_number(), ledger.clone())));
        let (_, result, _) =
            guarded(async { tokio::join!(biased; good(), caller.publish(event).into_future(), good()) }).await;
        let error = result.unwrap_err();
        let Error::Broker { operation, reason } = &error else { panic!("{error:?}") };
        assert!(operation.contains("happened_at_length") && reason.contains("larger than"), "{error}");
    }
    assert_eq!(ledger.unconfirmed(), 0, "an event failed for another one's length");

    // A request has the connection closed, as nobody could tell which calls were lost with the channel.
    let words = "a".repeat(TOO_LONG);
    let error = CounterClient::new(&caller).count(&words).await.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error:?}");
    log::wait_for(&["is lost", "larger than", "`max_message_size`"]).await;
    node.set("max_message_size", "134217728").await;
    healthy(&[&server, &caller, &subscriber]).await;
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.balance("messages that are too long for the broker", &SUBSCRIPTIONS).await;
    assert_eq!(ledger.unconfirmed(), 0);
    for bus in [&server, &caller, &subscriber] {
        bus.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_that_are_deleted_under_load_are_declared_again() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let server = process("counter", &namespace).connect().await.unwrap();
    let caller = process("counter", &namespace).connect().await.unwrap();
    let subscriber = process("audit", &namespace).connect().await.unwrap();
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let [first, second] = SUBSCRIPTIONS;
    let queues = [format!("{namespace}.rpc.faults.counter"), format!("{namespace}.event.audit.{first}")];
    for _ in 0..rounds(3) {
        let load = Load::start(&caller, &caller, &ledger);
        load.wait_for_answers(BETWEEN).await;
        for queue in &queues {
            delete_and_wait(queue).await;
        }
        load.wait_for_answers(BETWEEN).await;
        load.stop().await;
        // What was in the one that was deleted is gone, and so is what was published before it was back.
        ledger.all_handled(&[second]).await;
        ledger.excuse(first);
    }
    let load = Load::start(&caller, &caller, &ledger);
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.balance("queues that are deleted", &SUBSCRIPTIONS).await;
    for bus in [&server, &caller, &subscriber] {
        bus.shutdown().await;
    }
}

/// Deletes a queue, and waits until it is there again and is consumed.
async fn delete_and_wait(queue: &str) {
    raw_channel().await.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let back = async {
        loop {
            // The broker closes the channel of whoever asks in vain.
            let found = raw_channel().await.queue_declare(queue.into(), passive, FieldTable::default()).await;
            if found.is_ok_and(|queue| queue.consumer_count() > 0) {
                return;
            }
        }
    };
    guarded(back).await;
}
