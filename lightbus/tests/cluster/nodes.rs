//! The cluster that the tests own, and may therefore maltreat.

use lightbus::config::QueueType;
use lightbus::{Bus, BusBuilder};
use lightbus_test_support::command::{output, patiently, run};
use lightbus_test_support::environment::variable;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// One cluster for all tests, one after the other.
static CLUSTER: OnceCell<Mutex<Cluster>> = OnceCell::const_new();

/// How many nodes it has.
pub const NODES: usize = 3;

pub struct Cluster {
    /// The URL with all hosts.
    url: String,
    pub nodes: [Node; NODES],
}

/// One node, by the program that controls it.
pub struct Node {
    program: String,
    pub url: String,
}

impl Cluster {
    /// The cluster, for one test alone.
    pub async fn alone() -> MutexGuard<'static, Self> {
        let cluster = CLUSTER.get_or_init(async || Mutex::new(Self::find().await)).await.lock().await;
        // The test before may have failed in the middle.
        for node in &cluster.nodes {
            node.start_if_down().await;
        }
        cluster.is_whole().await;
        cluster
    }

    async fn find() -> Self {
        let nodes = [Node::find(1).await, Node::find(2).await, Node::find(3).await];
        Self { url: variable("LIGHTBUS_TEST_CLUSTER_URL"), nodes }
    }

    /// A process that may connect to any node, and whose calls wait in a queue of that kind.
    pub async fn join(&self, service: &str, namespace: &str, calls: QueueType) -> Bus {
        process(&self.url, service, namespace, calls).connect().await.unwrap()
    }

    /// Waits until every node is there and every quorum queue has a member on each, so that one more may crash.
    pub async fn is_whole(&self) {
        for node in &self.nodes {
            node.run(&["rabbitmqctl", "await_online_nodes", &NODES.to_string()]).await;
        }
        patiently(async {
            for node in &self.nodes {
                while !node.succeeds(&["rabbitmq-queues", "check_if_node_is_quorum_critical"]).await {}
            }
        })
        .await;
    }
}

impl Node {
    async fn find(number: usize) -> Self {
        let program = variable(&format!("LIGHTBUS_TEST_NODE_{number}"));
        let url = String::from_utf8(output(&program, &["url"]).await.stdout).unwrap().trim().to_owned();
        Self { program, url }
    }

    /// Ends the node as a power cut would.
    pub async fn kill(&self) {
        self.run(&["kill"]).await;
    }

    /// Starts the node again with its data, and returns when it is up.
    pub async fn start_again(&self) {
        self.run(&["start"]).await;
    }

    async fn start_if_down(&self) {
        if !self.succeeds(&["rabbitmqctl", "ping"]).await {
            self.start_again().await;
        }
    }

    async fn run(&self, arguments: &[&str]) {
        run(&self.program, arguments).await;
    }

    async fn succeeds(&self, arguments: &[&str]) -> bool {
        output(&self.program, arguments).await.status.success()
    }
}

/// A process that connects by that URL.
pub fn process(url: &str, service: &str, namespace: &str, calls: QueueType) -> BusBuilder {
    Bus::service(service).url(url).namespace(namespace).rpc_queue_type(calls)
}
