//! What a process says of its health when something is wrong on the broker.

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lightbus::ConsumerKind;
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{GUARD, eventually};

use crate::shop::{self, WarrantyClient};

#[tokio::test]
async fn a_queue_that_cannot_be_consumed_affects_the_health_of_its_process_only() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&bus).await;
    let _arrivals = shop::collect(&bus).await;
    let well = |kind| bus.health().consumers.iter().any(|consumer| consumer.kind == kind && consumer.consuming);
    let queue = format!("{namespace}.event.warranty.registrations");

    // Someone else's queue of that name, unless Lightbus declares its own anew in between.
    while !replace(&queue).await {}
    eventually("the health shows it", || !well(ConsumerKind::Subscription)).await;
    let health = bus.health();
    assert!(health.connected && well(ConsumerKind::Api) && !health.is_healthy(), "{health:?}");
    WarrantyClient::new(&bus).check("SN-0042").timeout(GUARD).await.unwrap();

    raw_channel().await.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    eventually("the process is healthy again", || bus.health().is_healthy()).await;
    bus.shutdown().await;
}

/// Puts another queue in the place of one. `false` when it was there again already.
async fn replace(queue: &str) -> bool {
    let channel = raw_channel().await;
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    let other = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), other, FieldTable::default()).await.is_ok()
}
