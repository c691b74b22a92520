//! What a process says of its health.

use lightbus::ConsumerKind;
use lightbus_test_support::world::World;

use crate::desk::{self, Closed};

pub async fn health_lists_the_consumers(world: &World) {
    let bus = world.join("desk").await;
    assert!(bus.health().is_healthy() && bus.health().consumers.is_empty());
    let _handles = desk::serve(&bus).await;
    bus.subscribe("closings", |_: Closed| async {}).await.unwrap();

    let health = bus.health();
    assert!(health.is_healthy(), "{health:?}");
    let consumers: Vec<_> = health.consumers.iter().map(|consumer| (consumer.kind, consumer.name.as_str())).collect();
    assert_eq!(consumers, [(ConsumerKind::Api, "test.desk"), (ConsumerKind::Subscription, "closings")]);
}

pub async fn a_process_that_was_shut_down_is_not_healthy(world: &World) {
    let bus = world.join("desk").await;
    let _handles = desk::serve(&bus).await;
    bus.shutdown().await;
    let health = bus.health();
    assert!(!health.connected && !health.is_healthy(), "{health:?}");
    assert!(health.consumers.iter().all(|consumer| !consumer.consuming), "{health:?}");
}
