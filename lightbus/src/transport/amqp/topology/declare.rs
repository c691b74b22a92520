//! Declares and queries queues and exchanges.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind, Queue};

use crate::error::Error;
use crate::transport::Subscription;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::topology::Topology;

/// A failed declaration.
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

/// Declares the exchange of events. A user who may not declare it can still use the existing one.
pub(crate) async fn events_exchange(connection: &Connection, topology: &Topology) -> Result<(), DeclareError> {
    let name = topology.events();
    existing_exchange(connection, &name, ExchangeKind::Topic).await.map_err(|failure| {
        DeclareError::new(failure, format!("declare the exchange {name}"), format!("the exchange {name}"))
    })
}

/// Declares the exchange of questions, in the same way.
pub(crate) async fn control_exchange(connection: &Connection, topology: &Topology) -> Result<(), OperationError> {
    existing_exchange(connection, &topology.control(), ExchangeKind::Direct).await
}

async fn existing_exchange(connection: &Connection, name: &str, kind: ExchangeKind) -> Result<(), OperationError> {
    match exchange(connection, name, kind.clone(), false).await {
        Err(refusal) if refusal.is_access_refused() => match exchange(connection, name, kind, true).await {
            // RabbitMQ asks for a permission to look at an exchange from 4.2.6 on (*configure* in 4.2.6 and 4.3.0, any one
            // later), so the refusal does not say whether the exchange exists. Publishing and binding will tell.
            Err(hidden) if hidden.is_access_refused() => Ok(()),
            found => found.map_err(|_| refusal),
        },
        declared => declared,
    }
}

async fn exchange(
    connection: &Connection,
    name: &str,
    kind: ExchangeKind,
    passive: bool,
) -> Result<(), OperationError> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    let name = short(name);
    let declare = |channel: Channel| async move {
        bounded(channel.exchange_declare(name, kind, options, FieldTable::default())).await
    };
    connection.perform(declare).await
}

/// Declares the queue of an API.
pub(crate) async fn rpc_queue(connection: &Connection, topology: &Topology, api: &str) -> Result<(), DeclareError> {
    queue(connection, &topology.rpc_queue(api), topology.rpc_queue_arguments()).await.map(drop)
}

/// Declares the queue of the dead letters of a subscription or a task.
pub(crate) async fn dead_queue(connection: &Connection, topology: &Topology, name: &str) -> Result<(), DeclareError> {
    queue(connection, name, topology.dead_queue_arguments()).await.map(drop)
}

/// Declares the queues of a subscription or a task, and returns the number of consumers. The queue of dead letters comes first, so that
/// no event is dead-lettered to a queue that does not exist.
pub(crate) async fn subscription_queues(
    connection: &Connection,
    topology: &Topology,
    subscription: &Subscription,
) -> Result<u32, DeclareError> {
    let Subscription { destination, waits, .. } = subscription;
    let (name, dead) = (topology.queue(destination), topology.dead_queue(destination));
    dead_queue(connection, topology, &dead).await?;
    let declared = queue(connection, &name, topology.subscription_queue_arguments(&dead)).await?;
    for &delay in waits {
        let retry = topology.retry_queue(destination, delay);
        queue(connection, &retry, topology.retry_queue_arguments(&name, delay)).await?;
    }
    Ok(declared.consumer_count())
}

/// Declares the queue that records the pattern of a subscription.
pub(crate) async fn binding_queue(
    connection: &Connection,
    topology: &Topology,
    name: &str,
) -> Result<(), DeclareError> {
    queue(connection, name, topology.binding_queue_arguments()).await.map(drop)
}

/// Declares the queue of the questions to a process. It goes with the connection.
pub(crate) async fn control_queue(
    connection: &Connection,
    topology: &Topology,
    name: &str,
) -> Result<(), OperationError> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    declare(connection, name, options, topology.control_queue_arguments()).await.map(drop)
}

/// Binds such a queue to the exchange of questions.
pub(crate) async fn bind_control_queue(
    connection: &Connection,
    topology: &Topology,
    queue: &str,
    key: &str,
) -> Result<(), OperationError> {
    let (name, source, key) = (short(queue), short(topology.control()), short(key));
    let bind = |channel: Channel| async move {
        bounded(channel.queue_bind(name, source, key, QueueBindOptions::default(), FieldTable::default())).await
    };
    connection.perform(bind).await
}

/// Binds a queue to the exchange of events.
pub(crate) async fn bind(
    connection: &Connection,
    topology: &Topology,
    queue: &str,
    pattern: &str,
) -> Result<(), DeclareError> {
    let exchange = topology.events();
    let (name, source, key) = (short(queue), short(&*exchange), short(pattern));
    let bind = |channel: Channel| async move {
        bounded(channel.queue_bind(name, source, key, QueueBindOptions::default(), FieldTable::default())).await
    };
    let bound = connection.perform(bind).await;
    bound.map_err(|failure| binding_error(failure, format!("bind the queue {queue} to the exchange {exchange}"), queue))
}

/// Removes a binding. Succeeds if there is none.
pub(crate) async fn unbind(
    connection: &Connection,
    topology: &Topology,
    queue: &str,
    pattern: &str,
) -> Result<(), DeclareError> {
    let exchange = topology.events();
    let (name, source, key) = (short(queue), short(&*exchange), short(pattern));
    let unbind =
        |channel: Channel| async move { bounded(channel.queue_unbind(name, source, key, FieldTable::default())).await };
    let unbound = connection.perform(unbind).await;
    unbound.map_err(|failure| {
        binding_error(failure, format!("unbind the queue {queue} from the exchange {exchange}"), queue)
    })
}

fn binding_error(failure: OperationError, operation: String, queue: &str) -> DeclareError {
    DeclareError::new(failure, operation, format!("the binding of the queue {queue}"))
}

async fn queue(connection: &Connection, name: &str, arguments: FieldTable) -> Result<Queue, DeclareError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = declare(connection, name, options, arguments).await;
    declared
        .map_err(|failure| DeclareError::new(failure, format!("declare the queue {name}"), format!("the queue {name}")))
}

/// Queries a queue. Returns `None` if there is no such queue.
pub(crate) async fn inspect(connection: &Connection, name: &str) -> Result<Option<Queue>, OperationError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match declare(connection, name, options, FieldTable::default()).await {
        Ok(queue) => Ok(Some(queue)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn declare(
    connection: &Connection,
    name: &str,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> Result<Queue, OperationError> {
    let name = short(name);
    let declare = |channel: Channel| async move { bounded(channel.queue_declare(name, options, arguments)).await };
    connection.perform(declare).await
}
