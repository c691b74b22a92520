//! What is on the broker.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lightbus::Error;
use lightbus::config::QueueType;
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{GUARD, guarded, next};

use crate::queues;
use crate::shop::{self, BellServer, Brass, WarrantyApi, WarrantyClient, registered};

#[tokio::test]
async fn a_queue_with_other_arguments_has_its_own_error() {
    let namespace = fresh_namespace();
    let first = process("warranty", &namespace).connect().await.unwrap();
    let second = process("warranty", &namespace).rpc_queue_expiry(Duration::from_secs(7)).connect().await.unwrap();
    shop::serve(&first).await;
    let error = shop::try_serve(&second).await.unwrap_err();
    assert!(
        matches!(&error, Error::TopologyMismatch { entity, .. } if entity.contains("rpc.company.warranty")),
        "{error:?}"
    );
    // The refusal does no harm to anything else of the process.
    second.serve(BellServer::new(Brass)).await.unwrap();
    WarrantyClient::new(&second).check("SN-0042").await.unwrap();
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test]
async fn calls_go_through_quorum_queues_where_so_configured() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).rpc_queue_type(QueueType::Quorum).connect().await.unwrap();
    shop::serve(&bus).await;
    WarrantyClient::new(&bus).check("SN-0042").await.unwrap();
    bus.shutdown().await;
}

#[tokio::test]
async fn each_namespace_is_a_bus_of_its_own() {
    let (here, there) = (fresh_namespace(), fresh_namespace());
    let server = process("warranty", &here).connect().await.unwrap();
    let caller = process("support", &there).connect().await.unwrap();
    shop::serve(&server).await;
    let error = WarrantyClient::new(&caller).check("SN-0042").timeout(GUARD).await.unwrap_err();
    assert!(matches!(error, CallError::NoServer { .. }), "{error:?}");
    server.shutdown().await;
    caller.shutdown().await;
}

#[tokio::test]
async fn queues_that_are_deleted_while_consumed_are_declared_again() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&bus).await;
    let mut arrivals = shop::collect(&bus).await;
    let channel = raw_channel().await;
    let requests = format!("{namespace}.rpc.company.warranty");
    let events = format!("{namespace}.event.warranty.registrations");
    for queue in [&requests, &events] {
        channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    }
    let warranty = WarrantyClient::new(&bus);
    // Until the queue is back, nobody serves the API.
    loop {
        match warranty.check("SN-0042").timeout(GUARD).await {
            Ok(_) => break,
            Err(CallError::NoServer { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other:?}"),
        }
    }
    // Until the subscription is back, an event reaches nobody.
    bus.own_api::<WarrantyApi>();
    let arrived = async {
        loop {
            bus.publish(registered("SN-1")).await.unwrap();
            if let Ok(serial) = tokio::time::timeout(Duration::from_millis(50), arrivals.recv()).await {
                return serial;
            }
        }
    };
    assert_eq!(guarded(arrived).await.as_deref(), Some("SN-1"));
    bus.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_leaves_the_durable_queues_and_nothing_else() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&bus).await;
    let mut arrivals = shop::collect(&bus).await;
    bus.publish(registered("SN-1")).await.unwrap();
    next(&mut arrivals).await;
    bus.shutdown().await;

    for queue in ["rpc.company.warranty", "event.warranty.registrations", "event.warranty.registrations.dead"] {
        let found = queues::look(&format!("{namespace}.{queue}")).await;
        assert_eq!((found.message_count(), found.consumer_count()), (0, 0), "{queue}");
    }
}

#[tokio::test]
async fn a_subscription_unbinds_the_pattern_that_it_had_before() {
    let namespace = fresh_namespace();
    let before = process("warranty", &namespace).connect().await.unwrap();
    before.subscribe_pattern("registrations", "company.#", |_: AnyEvent| async {}).await.unwrap();
    before.shutdown().await;
    let after = process("warranty", &namespace).connect().await.unwrap();
    let _arrivals = shop::collect(&after).await;
    let exchange = format!("{namespace}.events");
    assert!(queues::is_routed(&exchange, "company.warranty.product_registered").await);
    assert!(!queues::is_routed(&exchange, "company.warranty.something_else").await);
    // The same process again, and one more, change nothing.
    after.shutdown().await;
    for _ in 0..2 {
        let again = process("warranty", &namespace).connect().await.unwrap();
        let _arrivals = shop::collect(&again).await;
        assert!(queues::is_routed(&exchange, "company.warranty.product_registered").await);
        again.shutdown().await;
    }
}
