//! How a process does on the bus.

/// How a process does on the bus at one moment. [`Bus::health`](crate::Bus::health) says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether there is a connection to the broker, on which calls and events can leave.
    pub connected: bool,
    /// What this process consumes: the APIs that it serves and its subscriptions, in the order in which they began.
    pub consumers: Vec<ConsumerHealth>,
}

/// How one API that is served, or one subscription, does at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerHealth {
    /// Which of the two it is.
    pub kind: ConsumerKind,
    /// The API's name, or the subscription's.
    pub name: String,
    /// Whether the broker sends this process what there is. While it does not, Lightbus goes on trying.
    pub consuming: bool,
    /// How many events this process has dropped because they were handled before; 0 without
    /// [`dedupe`](crate::Subscribe::dedupe).
    pub repeats: u64,
}

impl ConsumerHealth {
    /// Whether it consumes, as the transport knows it. RepeatCounter are counted above it.
    pub(crate) fn new(kind: ConsumerKind, name: String, consuming: bool) -> Self {
        Self { kind, name, consuming, repeats: 0 }
    }
}

/// What a process consumes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsumerKind {
    /// To serve an API.
    Api,
    /// For a subscription.
    Subscription,
}

impl Health {
    /// Whether there is a connection and everything is consumed that this process serves and subscribes to.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.connected && self.consumers.iter().all(|consumer| consumer.consuming)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(connected: bool, consuming: &[bool]) -> Health {
        let consumer = |consuming| ConsumerHealth::new(ConsumerKind::Api, "company.warranty".into(), consuming);
        Health { connected, consumers: consuming.iter().copied().map(consumer).collect() }
    }

    #[test]
    fn healthy_is_who_is_connected_and_consumes_everything() {
        assert!(health(true, &[]).is_healthy());
        assert!(health(true, &[true, true]).is_healthy());
        assert!(!health(true, &[true, false]).is_healthy());
        assert!(!health(false, &[true]).is_healthy());
    }
}
