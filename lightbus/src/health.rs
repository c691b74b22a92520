//! The health of a process on the bus.

use serde::{Deserialize, Serialize};

/// The health of a process on the bus at one moment. Returned by [`Bus::health`](crate::Bus::health).
///
/// It can be the body of an HTTP health check. As JSON:
///
/// ```
/// # let health: lightbus::Health = serde_json::from_str(
/// #     r#"{"connected":true,"consumers":[{"kind":"subscription","name":"audit","consuming":true,"problem":null,"repeats":0}]}"#).unwrap();
/// assert_eq!(
///     serde_json::to_string(&health).unwrap(),
///     r#"{"connected":true,"consumers":[{"kind":"subscription","name":"audit","consuming":true,"problem":null,"repeats":0}]}"#
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether there is a connection to the broker, on which calls and events can leave.
    pub connected: bool,
    /// The APIs that this process serves and its subscriptions, in the order in which they started.
    pub consumers: Vec<ConsumerHealth>,
}

/// The health of one served API or one subscription at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsumerHealth {
    /// Whether this is an API or a subscription.
    pub kind: ConsumerKind,
    /// The name of the API or of the subscription.
    pub name: String,
    /// Whether the broker sends this process what there is. While it does not, Lightbus keeps trying.
    pub consuming: bool,
    /// Why the broker does not send it, if that is known: for instance a limit on channels that is reached, or a missing
    /// permission.
    pub problem: Option<String>,
    /// How many events this process has dropped because they were handled before; 0 without
    /// [`dedupe`](crate::Subscribe::dedupe).
    pub repeats: u64,
}

/// What a process consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsumerKind {
    /// The calls of an API.
    Api,
    /// The events of a subscription.
    Subscription,
}

impl Health {
    /// Whether there is a connection, and the broker sends everything that this process serves and subscribes to.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.connected && self.consumers.iter().all(|consumer| consumer.consuming)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(connected: bool, consuming: &[bool]) -> Health {
        let consumer = |consuming| ConsumerHealth {
            kind: ConsumerKind::Api,
            name: "company.warranty".into(),
            consuming,
            problem: None,
            repeats: 0,
        };
        Health { connected, consumers: consuming.iter().copied().map(consumer).collect() }
    }

    #[test]
    fn a_process_is_healthy_if_it_is_connected_and_consumes_everything() {
        assert!(health(true, &[]).is_healthy());
        assert!(health(true, &[true, true]).is_healthy());
        assert!(!health(true, &[true, false]).is_healthy());
        assert!(!health(false, &[true]).is_healthy());
    }
}
