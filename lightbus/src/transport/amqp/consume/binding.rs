//! Keeps a subscription's binding in step with its pattern.
//!
//! The bindings of a queue outlive the process that made them, and AMQP cannot list them. So the pattern that a subscription is
//! bound by is recorded in a queue of length one beside it. A process that subscribes with another pattern finds the old one
//! there and unbinds it. The last process to subscribe decides: an older one no longer touches the binding, and requeues
//! events that only the newer pattern wants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::EventMessage;
use crate::runtime::sync::lock;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::availability::SessionPart;
use crate::transport::amqp::consume::connection::{ConsumeConnection, ConsumeSide};
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::message::properties::{persistent, short};
use crate::transport::amqp::topology::declare::{self, DeclareError};
use crate::transport::{EventDelivery, Subscription};

/// How long an event for a newer process is held before it is requeued.
const HOLD: Duration = Duration::from_secs(1);

/// How long the recorded pattern stays known.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// How long recording a pattern may take. Only a later change of the pattern depends on it.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// An event that a subscription does not want.
pub(super) struct Unwanted {
    pub(super) delivery: EventDelivery,
    /// The event comes from a retry or from the dead letters. It was wanted once, so it is not dropped.
    pub(super) was_moved: bool,
}

/// The binding of a subscription, as one process sees it.
#[derive(Debug)]
pub(crate) struct Binding {
    subscription: Arc<Subscription>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// This process has bound the queue before.
    declared: bool,
    /// Whether the binding belonged to a newer process, and when that was found out.
    superseded: Option<(bool, Instant)>,
    /// The unwanted events that were logged.
    logged: BTreeSet<String>,
}

impl Binding {
    pub(crate) fn new(subscription: Arc<Subscription>) -> Self {
        Self { subscription, known: Mutex::default() }
    }

    pub(super) fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// Declares the queues of the subscription and binds them.
    pub(super) async fn declare(&self, side: &ConsumeSide, connection: &Connection) -> Result<(), DeclareError> {
        let (topology, subscription) = (side.topology(), &*self.subscription);
        let Subscription { destination: name, pattern, .. } = subscription;
        let declared = lock(&self.known).declared;
        let consumers = declare::subscription_queues(connection, topology, subscription).await?;
        if !name.is_subscription() {
            return Ok(());
        }
        let queue = topology.queue(name);
        let record = topology.binding_queue(name);
        let recorded = match declare::binding_queue(connection, topology, &record).await {
            Ok(()) => take_record(connection, &record, pattern.as_str(), declared).await,
            // A user who may not declare it can still subscribe.
            Err(_) => Ok(Recorded::Same),
        };
        match recorded {
            Ok(Recorded::Other(newer)) if declared => {
                tracing::warn!(
                    "a newer process has bound the subscription {name} to {newer}, so this one does not bind it to {pattern}"
                );
                return Ok(());
            }
            Ok(Recorded::Other(older)) => {
                declare::bind(connection, topology, &queue, pattern.as_str()).await?;
                if let Err(refused) = declare::unbind(connection, topology, &queue, &older).await {
                    tracing::warn!("{}", refused.into_error());
                }
                tracing::warn!(
                    "the subscription {name} was bound to {older}, and is bound to {pattern} now{}",
                    beside(consumers)
                );
                write_record(side, &record, pattern.as_str()).await;
            }
            Ok(Recorded::Nothing) => {
                declare::bind(connection, topology, &queue, pattern.as_str()).await?;
                write_record(side, &record, pattern.as_str()).await;
            }
            Ok(Recorded::Same) | Err(_) => declare::bind(connection, topology, &queue, pattern.as_str()).await?,
        }
        lock(&self.known).declared = true;
        Ok(())
    }

    /// Whether the subscription wants an event that arrived under that routing key. Nothing is bound to a task, so it wants all.
    pub(super) fn wants(&self, routing_key: &str, event: &EventMessage) -> bool {
        let Subscription { destination, pattern, .. } = &*self.subscription;
        !destination.is_subscription() || pattern.matches(routing_key) || pattern.matches(&event.full_name())
    }

    /// Settles an event that the subscription does not want. An older pattern was bound to it, and nobody wants it; or a newer
    /// process's is, and that process is to get it.
    pub(super) async fn settle_unwanted(
        self: Arc<Self>,
        side: Arc<ConsumeSide>,
        connection: Arc<ConsumeConnection>,
        unwanted: Unwanted,
    ) {
        let Unwanted { delivery: EventDelivery { event, attempt, first_failed_at, handle }, was_moved } = unwanted;
        let (name, subscription) = (event.full_name(), &self.subscription.destination);
        let superseded = self.is_superseded(&side, &connection.connection).await;
        if lock(&self.known).logged.insert(name.clone()) {
            let consequence = match (superseded, was_moved) {
                (true, _) => "left to the newer process",
                (false, true) => "moved to the dead letters",
                (false, false) => "dropped",
            };
            tracing::warn!("the subscription {subscription} does not want {name}: such events are {consequence}");
        }
        if superseded {
            side.lifeline().while_alive(sleep(HOLD)).await;
            drop(handle);
        } else if was_moved {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let record = FailureRecord {
                reason: FailureReason::Rejected,
                error: format!("the subscription does not want {name} any more"),
                attempt,
                process: side.identity.process.clone(),
                at,
                first_at: first_failed_at.unwrap_or(at),
            };
            if let Err(error) = handle.dead_letter(record).await {
                tracing::warn!("{error}");
            }
        } else {
            handle.accept();
        }
    }

    /// Whether a newer process has bound the subscription to another pattern.
    async fn is_superseded(&self, side: &ConsumeSide, connection: &Connection) -> bool {
        let now = Instant::now();
        if let Some((superseded, at)) = lock(&self.known).superseded
            && now.duration_since(at) < KNOWN_FOR
        {
            return superseded;
        }
        let Subscription { destination, pattern, .. } = &*self.subscription;
        let record = side.topology().binding_queue(destination);
        let recorded = take_record(connection, &record, pattern.as_str(), true).await;
        let superseded = matches!(recorded, Ok(Recorded::Other(_)));
        lock(&self.known).superseded = Some((superseded, now));
        superseded
    }
}

/// Says who else consumes the queue.
fn beside(consumers: u32) -> String {
    match consumers {
        0 => String::new(),
        some => format!(
            ". {some} other consumers take events from it. If they are another application's, give one of the two another \
             service or subscription name"
        ),
    }
}

/// The recorded pattern of a subscription.
enum Recorded {
    Nothing,
    /// The pattern that was asked about.
    Same,
    Other(String),
}

/// Reads the recorded pattern. Another one than `pattern` is taken off the record, unless `keep` says otherwise.
async fn take_record(
    connection: &Connection,
    record: &str,
    pattern: &str,
    keep: bool,
) -> Result<Recorded, OperationError> {
    let take = |channel: Channel| async move {
        let Some(message) = bounded(channel.basic_get(short(record), BasicGetOptions::default())).await? else {
            return Ok(Recorded::Nothing);
        };
        let recorded = String::from_utf8_lossy(&message.delivery.data).into_owned();
        let (tag, is_same) = (message.delivery.delivery_tag, recorded == pattern);
        if is_same || keep {
            let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            bounded(channel.basic_nack(tag, options)).await?;
        } else {
            bounded(channel.basic_ack(tag, BasicAckOptions::default())).await?;
        }
        Ok(if is_same { Recorded::Same } else { Recorded::Other(recorded) })
    };
    connection.perform(take).await
}

async fn write_record(side: &ConsumeSide, record: &str, pattern: &str) {
    let written = side.publish.copy_to(record, persistent(), pattern.to_owned().into());
    if !matches!(timeout(RECORD_TIMEOUT, written).await, Ok(Ok(true))) {
        tracing::debug!(
            "the pattern {pattern} could not be recorded in {record}, so a later change of it leaves it bound"
        );
    }
}
