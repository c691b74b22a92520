//! Limits on channels and connections.

use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use lightbus::rpc::Servers;
use lightbus::{Bus, ConsumerHealth, Error};
use lightbus_test_support::broker::{fresh_namespace, process_at};
use lightbus_test_support::ledger::Ledger;
use lightbus_test_support::load::{CounterApi, CounterClient, Happened, healthy, next_number, serve};
use lightbus_test_support::node::Node;
use lightbus_test_support::wait::{eventually, guarded, next};
use tokio::sync::mpsc;

/// Few enough to be reached soon.
const CHANNELS: &str = "20";

/// The limit of RabbitMQ by default.
const DEFAULT: &str = "2047";

/// Subscribes under new names until the broker refuses. Returns the number of subscriptions, and the error.
async fn subscribe_until_refused(bus: &Bus, arrivals: &mpsc::UnboundedSender<u64>) -> (usize, Error) {
    let mut subscriptions = 0;
    loop {
        let arrivals = arrivals.clone();
        let handler = move |event: Happened| {
            let _ = arrivals.send(event.number);
            async {}
        };
        match guarded(bus.subscribe(&format!("limited-{subscriptions}"), handler).into_future()).await {
            Ok(_) => subscriptions += 1,
            Err(error) => return (subscriptions, error),
        }
    }
}

/// Returns the consumers that have a problem.
fn starved(bus: &Bus) -> Vec<ConsumerHealth> {
    bus.health().consumers.into_iter().filter(|consumer| consumer.problem.is_some()).collect()
}

/// Publishes an event, and waits until each subscription has it.
async fn reaches_all(bus: &Bus, subscriptions: usize, arrivals: &mut mpsc::UnboundedReceiver<u64>) {
    let number = next_number();
    bus.publish(Happened { number }).await.unwrap();
    for _ in 0..subscriptions {
        while next(arrivals).await != number {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_channels_fails_one_subscription_and_nothing_else() {
    let (node, namespace, ledger) = (Node::exclusive().await, fresh_namespace(), Arc::new(Ledger::default()));
    node.set("channel_max", CHANNELS).await;
    let bus = process_at(node.url(), "counter", &namespace).connect().await.unwrap();
    let _open = serve(&bus, &ledger).await;
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let (subscriptions, error) = subscribe_until_refused(&bus, &sender).await;
    assert!(matches!(&error, Error::LimitReached { .. }), "{error:?}");
    assert!(error.to_string().contains(CHANNELS) && error.to_string().contains("channel_max"), "{error}");
    assert!(subscriptions > 9, "{subscriptions}");
    assert!(bus.health().is_healthy(), "{:?}", bus.health());

    // What needs no further channel works, and the rest says why it does not.
    reaches_all(&bus, subscriptions, &mut arrivals).await;
    let client = CounterClient::new(&bus);
    assert_eq!(client.again(7).await.unwrap(), 7);
    let late = client.hold(1).timeout(Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(&late, CallError::DeadlineExceeded { servers: Servers::Running(1), .. }), "{late:?}");
    let letters = bus.dead_letters("limited-0");
    assert_eq!(letters.count().await.unwrap(), 0);
    let refused = letters.list(1).await.unwrap_err();
    assert!(matches!(refused, Error::LimitReached { .. }), "{refused:?}");
    assert!(bus.health().is_healthy(), "{:?}", bus.health());

    // A reconnect needs no more than the start did.
    for _ in 0..3 {
        node.rabbitmqctl(&["close_all_connections", "a test"]).await;
        eventually("the loss is noticed", || !bus.health().connected).await;
        healthy(&[&bus]).await;
        reaches_all(&bus, subscriptions, &mut arrivals).await;
    }

    // With a lower limit, some queues are not consumed, and health says why. The rest goes on.
    node.set("channel_max", "15").await;
    node.rabbitmqctl(&["close_all_connections", "a test"]).await;
    eventually("health names the limit", || bus.health().connected && starved(&bus).len() == 5).await;
    let health = starved(&bus);
    assert!(health.iter().all(|it| !it.consuming && it.problem.as_ref().unwrap().contains("15")), "{health:?}");
    bus.publish(Happened { number: next_number() }).await.unwrap();

    node.set("channel_max", DEFAULT).await;
    node.rabbitmqctl(&["close_all_connections", "a test"]).await;
    eventually("nothing is starved", || starved(&bus).is_empty()).await;
    healthy(&[&bus]).await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_limit_on_channels_fails_one_subscription() {
    const USER: &str = "few-channels";
    let (node, namespace) = (Node::exclusive().await, fresh_namespace());
    node.rabbitmqctl(&["add_user", USER, USER]).await;
    node.rabbitmqctl(&["set_permissions", USER, ".*", ".*", ".*"]).await;
    node.rabbitmqctl(&["set_user_limits", USER, r#"{"max-channels": 14}"#]).await;
    let mut url = node.url().clone();
    url.set_username(USER).unwrap();
    url.set_password(Some(USER)).unwrap();
    let bus = process_at(&url, "counter", &namespace).connect().await.unwrap();
    bus.own_api::<CounterApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let (subscriptions, error) = subscribe_until_refused(&bus, &sender).await;
    assert!(matches!(&error, Error::LimitReached { .. }), "{error:?}");
    // RabbitMQ 3.10 writes "(14)", and 4 writes "14".
    assert!(error.to_string().replace(['(', ')'], "").contains("limit of 14"), "{error}");
    // The broker closes the connection over such a limit, so everything reconnects once.
    healthy(&[&bus]).await;
    reaches_all(&bus, subscriptions, &mut arrivals).await;

    // A lower limit costs the connection once. Then some queues are not consumed, and the rest goes on.
    node.rabbitmqctl(&["set_user_limits", USER, r#"{"max-channels": 12}"#]).await;
    node.rabbitmqctl(&["close_all_connections", "a test"]).await;
    eventually("health names the limit", || bus.health().connected && starved(&bus).len() == 2).await;
    let number = next_number();
    bus.publish(Happened { number }).await.unwrap();
    for _ in 2..subscriptions {
        while next(&mut arrivals).await != number {}
    }
    assert!(bus.health().connected && starved(&bus).len() == 2, "{:?}", bus.health());
    bus.shutdown().await;
    node.rabbitmqctl(&["delete_user", USER]).await;
}
