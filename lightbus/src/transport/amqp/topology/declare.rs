//! Makes sure that queues and exchanges exist, each on a channel of its own: the broker closes the channel of whatever
//! it refuses.

use futures_util::future::try_join_all;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{ExchangeKind, Queue};

use crate::error::Error;
use crate::transport::Subscription;
use crate::transport::amqp::connection::{Connection, release};
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::topology::Topology;

/// A declaration that failed.
#[derive(Debug)]
pub(crate) struct DeclareError {
    failure: OperationError,
    operation: String,
    entity: String,
}

impl DeclareError {
    /// `operation` completes "the broker could not …", `entity` is the queue or exchange.
    pub(crate) fn new(failure: OperationError, operation: String, entity: String) -> Self {
        Self { failure, operation, entity }
    }

    pub(crate) fn failure(&self) -> &OperationError {
        &self.failure
    }

    pub(crate) fn into_error(self) -> Error {
        self.failure.into_declaration_error(self.operation, self.entity)
    }
}

/// Declares the exchange of events. A user that may not declare it can still use the one that exists.
pub(crate) async fn events_exchange(connection: &Connection, topology: &Topology) -> Result<(), DeclareError> {
    let name = topology.events();
    let declared = match exchange(connection, &name, false).await {
        Err(refusal) if refusal.is_access_refused() => match exchange(connection, &name, true).await {
            // RabbitMQ asks for a permission to look at an exchange from 4.2.6 on (*configure* in 4.2.6 and 4.3.0, any one
            // later), so the refusal does not say whether the exchange exists. Publishing and binding will tell.
            Err(hidden) if hidden.is_access_refused() => Ok(()),
            found => found.map_err(|_| refusal),
        },
        declared => declared,
    };
    declared.map_err(|failure| {
        DeclareError::new(failure, format!("declare the exchange {name}"), format!("the exchange {name}"))
    })
}

async fn exchange(connection: &Connection, name: &str, passive: bool) -> Result<(), OperationError> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    let channel = connection.channel().await?;
    let arguments = FieldTable::default();
    let declared = bounded(channel.exchange_declare(short(name), ExchangeKind::Topic, options, arguments)).await;
    release(channel).await;
    declared
}

/// The queue of an API.
pub(crate) async fn rpc_queue(connection: &Connection, topology: &Topology, api: &str) -> Result<(), DeclareError> {
    queue(connection, &topology.rpc_queue(api), topology.rpc_queue_arguments()).await
}

/// The queue of a subscription's dead letters.
pub(crate) async fn dead_queue(connection: &Connection, topology: &Topology, name: &str) -> Result<(), DeclareError> {
    queue(connection, name, topology.dead_queue_arguments()).await
}

/// The queues of a subscription and its binding. The dead letters come first, and the retries last: nothing is to be
/// dead-lettered into a void.
pub(crate) async fn subscription(
    connection: &Connection,
    topology: &Topology,
    subscription: &Subscription,
) -> Result<(), DeclareError> {
    let Subscription { service, name: subscription_name, pattern, waits, .. } = subscription;
    let (name, dead) =
        (topology.subscription_queue(service, subscription_name), topology.dead_queue(service, subscription_name));
    dead_queue(connection, topology, &dead).await?;
    queue(connection, &name, topology.subscription_queue_arguments(&dead)).await?;
    // Each takes the broker a while.
    try_join_all(waits.iter().map(async |&delay| {
        let retry = topology.retry_queue(service, subscription_name, delay);
        queue(connection, &retry, topology.retry_queue_arguments(&name, delay)).await
    }))
    .await?;
    let exchange = topology.events();
    let bound = async {
        let channel = connection.channel().await?;
        let key = short(pattern.as_str());
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        let bound = bounded(channel.queue_bind(short(&*name), short(&*exchange), key, options, arguments)).await;
        release(channel).await;
        bound
    };
    bound.await.map_err(|failure| {
        DeclareError::new(
            failure,
            format!("bind the queue {name} to the exchange {exchange}"),
            format!("the binding of the queue {name}"),
        )
    })
}

async fn queue(connection: &Connection, name: &str, arguments: FieldTable) -> Result<(), DeclareError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = async {
        let channel = connection.channel().await?;
        let declared = bounded(channel.queue_declare(short(name), options, arguments)).await;
        release(channel).await;
        declared.map(drop)
    };
    declared
        .await
        .map_err(|failure| DeclareError::new(failure, format!("declare the queue {name}"), format!("the queue {name}")))
}

/// What the broker says of a queue; `None` when there is no such queue.
pub(crate) async fn inspect(connection: &Connection, name: &str) -> Result<Option<Queue>, OperationError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.channel().await?;
    let found = bounded(channel.queue_declare(short(name), options, FieldTable::default())).await;
    release(channel).await;
    match found {
        Ok(queue) => Ok(Some(queue)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}
