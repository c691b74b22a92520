//! Nodes that crash and come back with their data.

use std::sync::Arc;
use std::time::Duration;

use lightbus::config::QueueType;
use lightbus::{Bus, Error};
use lightbus_test_support::broker::fresh_namespace;
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::Ledger;
use lightbus_test_support::load::{Happened, Load, SUBSCRIPTIONS, healthy, next_number, serve, subscribe};

use crate::nodes::Cluster;

/// How many calls are answered before a crash and after it.
const BETWEEN: usize = 200;

/// How long an event is waited for that cannot be confirmed.
const A_WHILE: Duration = Duration::from_secs(5);

/// Processes that do everything there is to do, twice each, so that they are spread over the nodes.
struct Company {
    servers: [Bus; 2],
    subscribers: [Bus; 2],
    caller: Bus,
    publisher: Bus,
}

impl Company {
    async fn at_work(cluster: &Cluster, ledger: &Arc<Ledger>) -> Self {
        let namespace = fresh_namespace();
        let join = async |service| cluster.join(service, &namespace, QueueType::Quorum).await;
        let company = Self {
            servers: [join("counter").await, join("counter").await],
            subscribers: [join("audit").await, join("audit").await],
            caller: join("caller").await,
            publisher: join("counter").await,
        };
        for server in &company.servers {
            serve(server, ledger).await;
        }
        for subscriber in &company.subscribers {
            subscribe(subscriber, ledger).await;
        }
        company
    }

    fn all(&self) -> [&Bus; 6] {
        let Self { servers: [first, second], subscribers: [third, fourth], caller, publisher } = self;
        [first, second, third, fourth, caller, publisher]
    }

    async fn is_healthy(&self) {
        healthy(&self.all()).await;
    }

    async fn shut_down(self) {
        for bus in self.all() {
            bus.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_any_node_loses_nothing_that_was_confirmed() {
    let (cluster, ledger) = (Cluster::alone().await, Arc::new(Ledger::default()));
    let company = Company::at_work(&cluster, &ledger).await;
    let load = Load::start(&company.caller, &company.publisher, &ledger);
    for _ in 0..rounds(1) {
        for node in &cluster.nodes {
            load.wait_for_answers(BETWEEN).await;
            cluster.is_whole().await;
            node.kill().await;
            // Two nodes are enough for everything.
            load.wait_for_answers(BETWEEN).await;
            company.is_healthy().await;
            node.start_again().await;
            company.is_healthy().await;
        }
    }
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.balance("each node crashes in turn", &SUBSCRIPTIONS).await;
    assert_eq!(ledger.unconfirmed(), 0, "two nodes are enough to confirm an event");
    company.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nothing_is_confirmed_or_lost() {
    let (cluster, ledger) = (Cluster::alone().await, Arc::new(Ledger::default()));
    let company = Company::at_work(&cluster, &ledger).await;
    let load = Load::start(&company.caller, &company.publisher, &ledger);
    load.wait_for_answers(BETWEEN).await;
    cluster.is_whole().await;
    let [first, second, _] = &cluster.nodes;
    first.kill().await;
    second.kill().await;
    let number = next_number();
    ledger.publish_started(number);
    let error = company.publisher.publish(Happened { number }).timeout(A_WHILE).await.unwrap_err();
    let unsafe_yet =
        matches!(error, Error::NotConfirmed { .. } | Error::NotConnected { .. } | Error::PublishRefused { .. });
    assert!(unsafe_yet, "{error:?}");
    ledger.publish_ended(number, false);

    for node in [first, second] {
        node.start_again().await;
        company.is_healthy().await;
        load.wait_for_answers(BETWEEN).await;
    }
    load.stop().await;
    ledger.balance("a majority crashes", &SUBSCRIPTIONS).await;
    company.shut_down().await;
}
