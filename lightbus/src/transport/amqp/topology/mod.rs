//! The queues and exchanges of a bus: their names and arguments.

pub(crate) mod declare;

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::config::{QueueType, Settings};
use crate::protocol::destination::Destination;
use crate::protocol::name::Namespace;
use crate::transport::amqp::message::properties::{MAX_EXPIRY, short};

/// How often an event is delivered before the broker dead-letters it. It limits how many processes die over the same event.
const DELIVERY_LIMIT: i64 = 20;

/// How often a dead letter may be inspected and requeued: without a limit. The default of RabbitMQ 4 is 20, after which it
/// drops the dead letter.
const DEAD_LETTER_DELIVERY_LIMIT: i64 = i32::MAX as i64;

/// How many questions to a process the broker keeps.
const MAX_QUESTIONS: i64 = 100;

/// For how many milliseconds it keeps them.
const QUESTION_TTL: i64 = 10_000;

/// The queues and exchanges of one bus.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    namespace: Namespace,
    rpc_queue_type: QueueType,
    rpc_queue_expiry: Duration,
}

impl Topology {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { namespace, rpc_queue_type, rpc_queue_expiry, .. } = settings;
        Self { namespace: namespace.clone(), rpc_queue_type: *rpc_queue_type, rpc_queue_expiry: *rpc_queue_expiry }
    }

    /// The exchange that events are published to.
    pub(crate) fn events(&self) -> String {
        [self.namespace.as_str(), ".events"].concat()
    }

    /// The exchange of questions to processes.
    pub(crate) fn control(&self) -> String {
        [self.namespace.as_str(), ".control"].concat()
    }

    /// The queue of the questions to a process. `random` tells it from those of other processes and of earlier connections.
    pub(crate) fn control_queue(&self, service: &str, random: &str) -> String {
        format!("{}.control.{service}.{random}", self.namespace)
    }

    /// The queue that the calls of an API wait in.
    pub(crate) fn rpc_queue(&self, api: &str) -> String {
        [self.namespace.as_str(), ".rpc.", api].concat()
    }

    /// Whether calls wait in quorum queues.
    pub(crate) fn has_quorum_rpc_queues(&self) -> bool {
        self.rpc_queue_type == QueueType::Quorum
    }

    /// The queue that the events of a subscription, or what is enqueued of a task, wait in.
    pub(crate) fn queue(&self, destination: &Destination) -> String {
        match destination {
            Destination::Subscription { service, name } => format!("{}.event.{service}.{name}", self.namespace),
            Destination::Task { api, task } => format!("{}.task.{api}.{task}", self.namespace),
        }
    }

    /// The queue of the dead letters.
    pub(crate) fn dead_queue(&self, destination: &Destination) -> String {
        format!("{}.dead", self.queue(destination))
    }

    /// The queue that records the pattern of a subscription.
    pub(crate) fn binding_queue(&self, destination: &Destination) -> String {
        format!("{}.binding", self.queue(destination))
    }

    /// The queue in which events of a subscription wait for another attempt.
    pub(crate) fn retry_queue(&self, destination: &Destination, delay: Duration) -> String {
        let millis = time_to_live(delay);
        let queue = self.queue(destination);
        if millis % 1000 == 0 {
            format!("{queue}.retry.{}s", millis / 1000)
        } else {
            format!("{queue}.retry.{millis}ms")
        }
    }

    /// A routing key that leads nowhere: no queue of the bus has this name, and no other should.
    pub(crate) fn nowhere(&self) -> String {
        format!("{}.nowhere", self.namespace)
    }

    pub(crate) fn rpc_queue_arguments(&self) -> FieldTable {
        let kind = match self.rpc_queue_type {
            QueueType::Classic => "classic",
            QueueType::Quorum => "quorum",
        };
        let expiry = self.rpc_queue_expiry.as_millis().clamp(1, MAX_EXPIRY);
        table([("x-queue-type", text(kind)), ("x-expires", number(i64::try_from(expiry).unwrap_or(i64::MAX)))])
    }

    /// No handler and no crash can lose an event: it ends among the dead letters, and waits at the broker while those cannot
    /// take it.
    pub(crate) fn subscription_queue_arguments(&self, dead_queue: &str) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(dead_queue)),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
            ("x-delivery-limit", number(DELIVERY_LIMIT)),
        ])
    }

    /// An event goes back to the subscription after its delay, and goes on waiting while that cannot take it.
    pub(crate) fn retry_queue_arguments(&self, subscription_queue: &str, delay: Duration) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-message-ttl", number(time_to_live(delay))),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(subscription_queue)),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ])
    }

    /// Questions that nobody reads are soon of no use.
    pub(crate) fn control_queue_arguments(&self) -> FieldTable {
        table([
            ("x-queue-type", text("classic")),
            ("x-max-length", number(MAX_QUESTIONS)),
            ("x-overflow", text("drop-head")),
            ("x-message-ttl", number(QUESTION_TTL)),
        ])
    }

    /// The last pattern counts.
    pub(crate) fn binding_queue_arguments(&self) -> FieldTable {
        table([("x-queue-type", text("classic")), ("x-max-length", number(1))])
    }

    pub(crate) fn dead_queue_arguments(&self) -> FieldTable {
        table([("x-queue-type", text("quorum")), ("x-delivery-limit", number(DEAD_LETTER_DELIVERY_LIMIT))])
    }
}

/// Milliseconds, rounded up, within what the broker takes.
fn time_to_live(delay: Duration) -> i64 {
    let millis = delay.as_nanos().div_ceil(1_000_000).clamp(1, MAX_EXPIRY);
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(short(name), value);
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn number(number: i64) -> AMQPValue {
    AMQPValue::LongLongInt(number)
}

/// The default exchange, which routes to the queue that the key names.
pub(crate) fn default_exchange() -> ShortString {
    ShortString::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::name::{ServiceName, SubscriptionName};

    fn subscription(service: &str, name: &str) -> Destination {
        Destination::Subscription {
            service: ServiceName::new(service).unwrap(),
            name: SubscriptionName::new(name).unwrap(),
        }
    }

    fn topology(rpc_queue_type: QueueType, rpc_queue_expiry: Duration) -> Topology {
        Topology { namespace: Namespace::new("alice").unwrap(), rpc_queue_type, rpc_queue_expiry }
    }

    fn argument(table: &FieldTable, name: &str) -> Option<String> {
        table.inner().get(name).map(|value| match value {
            AMQPValue::LongString(text) => text.to_string(),
            AMQPValue::LongLongInt(number) => number.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn names_follow_the_protocol() {
        let topology = topology(QueueType::Classic, Duration::from_secs(300));
        let covers = subscription("spare-parts", "start-cover");
        let report = Destination::task("company.warranty", "send_report").unwrap();
        assert_eq!(topology.events(), "alice.events");
        assert_eq!(topology.control(), "alice.control");
        assert_eq!(topology.control_queue("spare-parts", "x1y2"), "alice.control.spare-parts.x1y2");
        assert_eq!(topology.rpc_queue("company.warranty"), "alice.rpc.company.warranty");
        assert_eq!(topology.queue(&covers), "alice.event.spare-parts.start-cover");
        assert_eq!(topology.dead_queue(&covers), "alice.event.spare-parts.start-cover.dead");
        assert_eq!(topology.binding_queue(&covers), "alice.event.spare-parts.start-cover.binding");
        assert_eq!(topology.queue(&report), "alice.task.company.warranty.send_report");
        assert_eq!(topology.dead_queue(&report), "alice.task.company.warranty.send_report.dead");
        for (delay, expected) in [
            (Duration::from_secs(1), "1s"),
            (Duration::from_secs(600), "600s"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::from_micros(1500), "2ms"),
            (Duration::MAX, "4294967295ms"),
        ] {
            let queue = topology.retry_queue(&covers, delay);
            assert_eq!(queue, format!("alice.event.spare-parts.start-cover.retry.{expected}"));
        }
    }

    #[test]
    fn the_longest_names_fit() {
        let topology = Topology {
            namespace: Namespace::new(&"n".repeat(31)).unwrap(),
            rpc_queue_type: QueueType::Classic,
            rpc_queue_expiry: Duration::ZERO,
        };
        let longest = subscription(&"s".repeat(63), &"n".repeat(63));
        let task = Destination::task(&"a".repeat(127), &"t".repeat(63)).unwrap();
        for name in [
            topology.rpc_queue(&"a".repeat(127)),
            topology.dead_queue(&longest),
            topology.dead_queue(&task),
            topology.retry_queue(&longest, Duration::MAX),
            topology.events(),
        ] {
            assert!(ShortString::try_new(name.as_str()).is_ok(), "{name}");
        }
    }

    #[test]
    fn queues_of_calls_expire_within_what_the_broker_takes() {
        for (expiry, expected) in
            [(Duration::from_secs(300), "300000"), (Duration::ZERO, "1"), (Duration::MAX, "4294967295")]
        {
            let arguments = topology(QueueType::Classic, expiry).rpc_queue_arguments();
            assert_eq!(argument(&arguments, "x-expires").as_deref(), Some(expected));
            assert_eq!(argument(&arguments, "x-queue-type").as_deref(), Some("classic"));
        }
        let arguments = topology(QueueType::Quorum, Duration::from_secs(1)).rpc_queue_arguments();
        assert_eq!(argument(&arguments, "x-queue-type").as_deref(), Some("quorum"));
    }

    #[test]
    fn queues_of_subscriptions_lose_nothing() {
        let arguments = topology(QueueType::Classic, Duration::from_secs(1)).subscription_queue_arguments("the.dead");
        for (name, value) in [
            ("x-queue-type", "quorum"),
            ("x-dead-letter-exchange", ""),
            ("x-dead-letter-routing-key", "the.dead"),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
            ("x-delivery-limit", "20"),
        ] {
            assert_eq!(argument(&arguments, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(arguments.inner().len(), 6);
    }

    #[test]
    fn queues_of_retries_lose_nothing() {
        let topology = topology(QueueType::Classic, Duration::from_secs(1));
        let arguments = topology.retry_queue_arguments("the.subscription", Duration::from_millis(1500));
        for (name, value) in [
            ("x-queue-type", "quorum"),
            ("x-message-ttl", "1500"),
            ("x-dead-letter-exchange", ""),
            ("x-dead-letter-routing-key", "the.subscription"),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
        ] {
            assert_eq!(argument(&arguments, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(arguments.inner().len(), 6);
    }

    #[test]
    fn dead_letters_may_be_inspected_without_limit() {
        let arguments = topology(QueueType::Classic, Duration::from_secs(1)).dead_queue_arguments();
        assert_eq!(argument(&arguments, "x-queue-type").as_deref(), Some("quorum"));
        assert_eq!(argument(&arguments, "x-delivery-limit").as_deref(), Some("2147483647"));
    }
}
