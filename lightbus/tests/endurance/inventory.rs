//! What there is on the broker.

use std::collections::BTreeSet;
use std::process::Stdio;

use lightbus_test_support::environment::variable;
use lightbus_test_support::wait::GUARD;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::Instant;

/// What the processes of one namespace have on the broker.
#[derive(Debug, PartialEq, Eq)]
pub struct Inventory {
    pub connections: usize,
    pub channels: usize,
    /// By name.
    pub queues: Vec<Queue>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queue {
    pub name: String,
    pub durable: bool,
    pub messages: u64,
}

impl Inventory {
    /// Asks the broker. The namespace is part of the names of the services.
    pub async fn of(namespace: &str) -> Self {
        let (connections, channels, queues) = tokio::join!(
            list("connections", &["name", "client_properties"]),
            list("channels", &["name"]),
            list("queues", &["name", "durable", "messages"])
        );
        let connections: BTreeSet<String> = connections
            .iter()
            .filter(|connection| connection["client_properties"].to_string().contains(namespace))
            .map(|connection| text(&connection["name"]))
            .collect();
        // A channel is named after its connection, with a number.
        let channels = channels.iter().filter(|channel| {
            let name = text(&channel["name"]);
            name.rsplit_once(" (").is_some_and(|(connection, _)| connections.contains(connection))
        });
        let prefix = format!("{namespace}.");
        let mut queues: Vec<_> =
            queues.iter().map(Queue::new).filter(|queue| queue.name.starts_with(&prefix)).collect();
        queues.sort();
        Self { connections: connections.len(), channels: channels.count(), queues }
    }

    /// Asks the broker until so many processes have their queues of questions, and nothing changes any more.
    pub async fn settled(namespace: &str, processes: usize) -> Self {
        let begun = Instant::now();
        let mut before = Self::of(namespace).await;
        loop {
            let now = Self::of(namespace).await;
            // Only these go with their processes.
            let answering = now.queues.iter().filter(|queue| !queue.durable).count();
            if answering == processes && now == before {
                return now;
            }
            assert!(begun.elapsed() < GUARD, "the broker goes on changing: {now:?}");
            before = now;
        }
    }
}

impl Queue {
    fn new(listed: &Value) -> Self {
        Self {
            name: text(&listed["name"]),
            durable: listed["durable"] == true,
            messages: listed["messages"].as_u64().unwrap(),
        }
    }
}

/// Waits until the broker has exactly that. It counts what ends some moments later.
pub async fn eventually_found(namespace: &str, expected: &Inventory) {
    let begun = Instant::now();
    loop {
        let found = Inventory::of(namespace).await;
        if found == *expected {
            return;
        }
        assert!(begun.elapsed() < GUARD, "the broker has {found:?} instead of {expected:?}");
    }
}

/// What `rabbitmqctl` lists.
async fn list(what: &str, columns: &[&str]) -> Vec<Value> {
    let mut command = Command::new(variable("LIGHTBUS_TEST_RABBITMQCTL"));
    command.args(["--quiet", "--formatter", "json", &format!("list_{what}")]).args(columns).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
