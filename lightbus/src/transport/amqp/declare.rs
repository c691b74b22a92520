//! Makes sure that queues and exchanges exist, each on a channel of its own: the broker closes the channel of whatever
//! it refuses.

use futures_util::future::try_join_all;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{ExchangeKind, Queue};

use super::errors::{Failure, bounded};
use super::properties::short;
use super::topology::Topology;
use super::wire::{Wire, release};
use crate::error::Error;
use crate::transport::Subscription;

/// A declaration that failed.
#[derive(Debug)]
pub(super) struct Refused {
    failure: Failure,
    operation: String,
    entity: String,
}

impl Refused {
    /// `operation` completes "the broker could not …", `entity` is the queue or exchange.
    pub(super) fn new(failure: Failure, operation: String, entity: String) -> Self {
        Self { failure, operation, entity }
    }

    pub(super) fn failure(&self) -> &Failure {
        &self.failure
    }

    pub(super) fn into_error(self) -> Error {
        self.failure.into_declaration_error(self.operation, self.entity)
    }
}

/// The exchange of events. Who may not declare it can still use the one that is there.
pub(super) async fn events_exchange(wire: &Wire, topology: &Topology) -> Result<(), Refused> {
    let name = topology.events();
    let declared = match exchange(wire, &name, false).await {
        Err(refusal) if refusal.is_access_refused() => exchange(wire, &name, true).await.map_err(|_| refusal),
        declared => declared,
    };
    declared.map_err(|failure| {
        Refused::new(failure, format!("declare the exchange {name}"), format!("the exchange {name}"))
    })
}

async fn exchange(wire: &Wire, name: &str, passive: bool) -> Result<(), Failure> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    let channel = wire.channel().await?;
    let arguments = FieldTable::default();
    let declared = bounded(channel.exchange_declare(short(name), ExchangeKind::Topic, options, arguments)).await;
    release(channel).await;
    declared
}

/// The queue of an API.
pub(super) async fn rpc_queue(wire: &Wire, topology: &Topology, api: &str) -> Result<(), Refused> {
    queue(wire, &topology.rpc_queue(api), topology.rpc_queue_arguments()).await
}

/// The queue of a subscription's dead letters.
pub(super) async fn dead_queue(wire: &Wire, topology: &Topology, name: &str) -> Result<(), Refused> {
    queue(wire, name, topology.dead_queue_arguments()).await
}

/// The queues of a subscription and its binding. The dead letters come first, and the retries last: nothing is to be
/// dead-lettered into a void.
pub(super) async fn subscription(wire: &Wire, topology: &Topology, subscription: &Subscription) -> Result<(), Refused> {
    let Subscription { service, name: subscription_name, pattern, waits, .. } = subscription;
    let (name, dead) =
        (topology.subscription_queue(service, subscription_name), topology.dead_queue(service, subscription_name));
    dead_queue(wire, topology, &dead).await?;
    queue(wire, &name, topology.subscription_queue_arguments(&dead)).await?;
    // Each takes the broker a while.
    try_join_all(waits.iter().map(async |&delay| {
        let retry = topology.retry_queue(service, subscription_name, delay);
        queue(wire, &retry, topology.retry_queue_arguments(&name, delay)).await
    }))
    .await?;
    let exchange = topology.events();
    let bound = async {
        let channel = wire.channel().await?;
        let key = short(pattern.as_str());
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        let bound = bounded(channel.queue_bind(short(&*name), short(&*exchange), key, options, arguments)).await;
        release(channel).await;
        bound
    };
    bound.await.map_err(|failure| {
        Refused::new(
            failure,
            format!("bind the queue {name} to the exchange {exchange}"),
            format!("the binding of the queue {name}"),
        )
    })
}

async fn queue(wire: &Wire, name: &str, arguments: FieldTable) -> Result<(), Refused> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = async {
        let channel = wire.channel().await?;
        let declared = bounded(channel.queue_declare(short(name), options, arguments)).await;
        release(channel).await;
        declared.map(drop)
    };
    declared
        .await
        .map_err(|failure| Refused::new(failure, format!("declare the queue {name}"), format!("the queue {name}")))
}

/// What the broker says of a queue; `None` when there is no such queue.
pub(super) async fn look(wire: &Wire, name: &str) -> Result<Option<Queue>, Failure> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = wire.channel().await?;
    let found = bounded(channel.queue_declare(short(name), options, FieldTable::default())).await;
    release(channel).await;
    match found {
        Ok(queue) => Ok(Some(queue)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}
