//! Calls and events that are acknowledged together.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, process_at};
use lightbus_test_support::relay::Relay;
use lightbus_test_support::wait::{GUARD, guarded, next};
use tokio::sync::{Semaphore, mpsc};

use crate::queues;
use crate::shop::{self, ProductRegistered, WarrantyApi, WarrantyClient, registered};

/// More than the broker sends ahead: that all of them come means that some were acknowledged.
const MANY: usize = 200;

/// An event whose handler waits.
const HELD: &str = "held";

async fn publish_many(bus: &Bus) {
    let published = join_all((0..MANY).map(|number| bus.publish(registered(&number.to_string())).into_future()));
    published.await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
}

#[tokio::test]
async fn an_event_that_is_still_handled_is_not_acknowledged_with_later_ones() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let desk = process("warranty", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    let audit = process_at(relay.url(), "audit", &namespace).connect().await.unwrap();
    let ((sender, mut begun), gate) = (mpsc::unbounded_channel(), Arc::new(Semaphore::new(0)));
    let opened = gate.clone();
    audit
        .subscribe("registrations", move |event: ProductRegistered| {
            let (sender, gate) = (sender.clone(), gate.clone());
            async move {
                let is_held = event.serial == HELD;
                sender.send(event.serial).unwrap();
                if is_held {
                    drop(gate.acquire().await);
                }
            }
        })
        .await
        .unwrap();

    desk.publish(registered(HELD)).await.unwrap();
    assert_eq!(next(&mut begun).await, HELD);
    publish_many(&desk).await;
    for _ in 0..MANY {
        assert_ne!(next(&mut begun).await, HELD);
    }
    relay.cut();
    relay.restore();
    // What was handled and not yet acknowledged may come again, too.
    while next(&mut begun).await != HELD {}
    opened.add_permits(2);
    audit.shutdown().await;
    desk.shutdown().await;
}

#[tokio::test]
async fn a_process_that_stops_has_acknowledged_what_it_has_handled() {
    let namespace = fresh_namespace();
    let desk = process("warranty", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    let audit = process("audit", &namespace).connect().await.unwrap();
    let mut handled = shop::collect(&audit).await;
    tokio::time::timeout(GUARD, publish_many(&desk)).await.unwrap();
    for _ in 0..MANY {
        next(&mut handled).await;
    }
    audit.shutdown().await;
    assert_eq!(queues::look(&format!("{namespace}.event.audit.registrations")).await.message_count(), 0);
    desk.shutdown().await;
}

#[tokio::test]
async fn a_process_takes_as_many_calls_as_it_runs() {
    const RUNNING: u16 = 5;
    const WAITING: u32 = 7;
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).call_concurrency(RUNNING).connect().await.unwrap();
    let (mut begun, gate) = shop::serve(&server).await;
    let caller = process("sales", &namespace).connect().await.unwrap();
    let warranty = WarrantyClient::new(&caller);
    let calls = u32::from(RUNNING) + WAITING;
    let calls: Vec<_> = (0..calls).map(|_| tokio::spawn(warranty.hold().timeout(GUARD).into_future())).collect();
    for _ in 0..RUNNING {
        next(&mut begun).await;
    }
    let queue = format!("{namespace}.rpc.company.warranty");
    eventually_unacknowledged(&queue, RUNNING.into()).await;
    assert_eq!(queues::look(&queue).await.message_count(), WAITING);
    gate.add_permits(calls.len());
    for call in calls {
        guarded(call).await.unwrap().unwrap();
    }
    eventually_unacknowledged(&queue, 0).await;
    assert_eq!(queues::look(&queue).await.message_count(), 0);
    caller.shutdown().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_larger_prefetch_takes_calls_ahead() {
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).connect().await.unwrap();
    let (mut begun, gate) = shop::serve_with(&server, |serve| serve.concurrency(1).prefetch(3)).await;
    let caller = process("sales", &namespace).connect().await.unwrap();
    let warranty = WarrantyClient::new(&caller);
    let calls: Vec<_> = (0..5).map(|_| tokio::spawn(warranty.hold().timeout(GUARD).into_future())).collect();
    next(&mut begun).await;
    eventually_unacknowledged(&format!("{namespace}.rpc.company.warranty"), 3).await;
    gate.add_permits(calls.len());
    for call in calls {
        guarded(call).await.unwrap().unwrap();
    }
    caller.shutdown().await;
    server.shutdown().await;
}

async fn eventually_unacknowledged(queue: &str, expected: u32) {
    let begun = Instant::now();
    loop {
        let found = queues::unacknowledged(queue).await;
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < GUARD, "{found} messages of {queue} are not acknowledged, instead of {expected}");
    }
}
