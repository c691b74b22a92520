//! A broker that crashes and comes back with its data.

use std::sync::Arc;
use std::time::Duration;

use lightbus::Bus;
use lightbus_test_support::broker::{fresh_namespace, process_at};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::Ledger;
use lightbus_test_support::load::{Load, SUBSCRIPTIONS, healthy, serve, subscribe};
use lightbus_test_support::node::Node;
use tokio::time::sleep;

/// How many calls are answered between two crashes. It takes some seconds, which a young quorum queue needs: one that was
/// declared a moment before a crash may come back without a leader.
const BETWEEN: usize = 300;

/// How much longer than it takes to start the broker stays away once.
const AWAY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_crash_loses_nothing_that_was_confirmed() {
    let node = Node::exclusive().await;
    let (ledger, namespace) = (Arc::new(Ledger::default()), fresh_namespace());
    let join = async |service| -> Bus { process_at(node.url(), service, &namespace).connect().await.unwrap() };
    let (server, subscriber, caller, publisher) =
        (join("counter").await, join("audit").await, join("caller").await, join("counter").await);
    serve(&server, &ledger).await;
    subscribe(&subscriber, &ledger).await;
    let all = [&server, &subscriber, &caller, &publisher];

    let load = Load::start(&caller, &publisher, &ledger);
    for round in 0..=rounds(2) {
        load.wait_for_answers(BETWEEN).await;
        node.kill().await;
        if round == 0 {
            // The fault itself: the broker is away for longer than any delay between two attempts so far.
            sleep(AWAY).await;
        }
        node.restart().await;
        healthy(&all).await;
    }
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.balance("crashes of the broker", &SUBSCRIPTIONS).await;
    for bus in all {
        bus.shutdown().await;
    }
}
