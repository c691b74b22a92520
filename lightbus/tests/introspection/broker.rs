//! A broker that is killed.

use std::time::Duration;

use lightbus_test_support::broker::{fresh_namespace, process_at};
use lightbus_test_support::node::Node;
use lightbus_test_support::wait::guarded;

use crate::many::complete;
use crate::worker::serve;

#[tokio::test(flavor = "multi_thread")]
async fn processes_answer_again_after_the_broker_was_killed_while_everyone_was_asked() {
    let node = Node::exclusive().await;
    let namespace = fresh_namespace();
    let mut buses = Vec::new();
    for _ in 0..5 {
        let bus = process_at(node.url(), "bell", &namespace).connect().await.unwrap();
        serve(&bus).await;
        buses.push(bus);
    }
    let asker = process_at(node.url(), "asker", &namespace).connect().await.unwrap();
    complete(&asker, 6).await;
    let asking = tokio::spawn({
        let asker = asker.clone();
        async move {
            // Each question ends, with answers or with an error.
            for _ in 0..10 {
                let introspection = asker.introspection().timeout(Duration::from_millis(500));
                let _ = guarded(introspection.info()).await;
            }
        }
    });
    node.kill().await;
    guarded(asking).await.unwrap();
    node.restart().await;
    let pings = complete(&asker, 6).await;
    assert!(buses.iter().all(|bus| pings.of(bus.process_id()).is_some()), "{pings:?}");
    for bus in buses {
        bus.shutdown().await;
    }
    asker.shutdown().await;
}
