//! Classic queues live on one node. While it is down, what they are for cannot be had, and all else can.

use std::sync::Arc;
use std::time::Duration;

use lightbus::ConsumerKind;
use lightbus::config::QueueType;
use lightbus::prelude::*;
use lightbus_test_support::broker::fresh_namespace;
use lightbus_test_support::ledger::Ledger;
use lightbus_test_support::load::{
    CounterApi, CounterClient, Happened, SUBSCRIPTIONS, healthy, next_number, serve, subscribe,
};
use lightbus_test_support::wait::{GUARD, eventually};

use crate::nodes::{Cluster, process};

/// How long a call may take that nobody can serve.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_api_recovers_when_the_node_of_its_queue_restarts() {
    let (cluster, namespace, ledger) = (Cluster::alone().await, fresh_namespace(), Arc::new(Ledger::default()));
    let [home, others @ ..] = &cluster.nodes;
    // A classic queue lives where it was declared.
    let declares = process(&home.url, "counter", &namespace, QueueType::Classic).connect().await.unwrap();
    serve(&declares, &ledger).await;
    declares.shutdown().await;

    let authority = |url: &str| url.rsplit('@').next().unwrap().to_owned();
    let url = format!("amqp://guest:guest@{}", others.each_ref().map(|node| authority(&node.url)).join(","));
    let join = async |service| process(&url, service, &namespace, QueueType::Classic).connect().await.unwrap();
    let (server, caller) = (join("counter").await, join("caller").await);
    serve(&server, &ledger).await;
    subscribe(&server, &ledger).await;
    let client = CounterClient::new(&caller);
    client.again(call(&ledger)).timeout(GUARD).await.unwrap();

    cluster.is_whole().await;
    home.kill().await;
    let api = |bus: &Bus| {
        bus.health().consumers.iter().all(|consumer| consumer.kind != ConsumerKind::Api || consumer.consuming)
    };
    eventually("the health shows it", || !api(&server)).await;
    let error = client.once(call(&ledger)).timeout(SOON).await.unwrap_err();
    println!("a call while the node of its queue is down: {error}");
    assert!(!error.may_have_run(), "{error:?}");
    // Events do not suffer.
    let number = next_number();
    server.own_api::<CounterApi>();
    ledger.publish_started(number);
    server.publish(Happened { number }).timeout(GUARD).await.unwrap();
    ledger.publish_ended(number, true);
    ledger.all_handled(&SUBSCRIPTIONS).await;
    assert!(server.health().connected && !api(&server), "{:?}", server.health());

    home.start_again().await;
    healthy(&[&server, &caller]).await;
    client.once(call(&ledger)).timeout(GUARD).await.unwrap();
    for bus in [&server, &caller] {
        bus.shutdown().await;
    }
}

fn call(ledger: &Ledger) -> u64 {
    let number = next_number();
    ledger.call_started(number, true);
    number
}
