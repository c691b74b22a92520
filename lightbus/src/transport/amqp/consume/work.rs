//! What a queue is consumed for.

use std::sync::Arc;

use lapin::message::Delivery;

use crate::protocol::destination::Destination;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::consume::binding::{Binding, Unwanted};
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::consume::settle::{self, ConsumeChannel};
use crate::transport::amqp::topology::Topology;
use crate::transport::amqp::topology::declare::{self, DeclareError};
use crate::transport::{EventSink, RequestDelivery, RequestSink, Subscription};

/// What a queue is consumed for.
#[derive(Debug)]
pub(crate) enum Work {
    Requests { api: &'static str, prefetch: u16, sink: Arc<dyn RequestSink> },
    Events { binding: Arc<Binding>, sink: Arc<dyn EventSink> },
}

impl Work {
    /// Takes the events of a subscription.
    pub(crate) fn events(subscription: Subscription, sink: Arc<dyn EventSink>) -> Self {
        Self::Events { binding: Arc::new(Binding::new(Arc::new(subscription))), sink }
    }

    /// Completes "the broker could not …".
    pub(crate) fn operation(&self) -> String {
        match self {
            Self::Requests { api, .. } => format!("let this process serve {api}"),
            Self::Events { binding, .. } => match &binding.subscription().destination {
                Destination::Subscription { name, .. } => format!("let this process take the subscription {name:?}"),
                task @ Destination::Task { .. } => format!("let this process take the task {task}"),
            },
        }
    }

    pub(super) fn queue(&self, topology: &Topology) -> String {
        match self {
            Self::Requests { api, .. } => topology.rpc_queue(api),
            Self::Events { binding, .. } => topology.queue(&binding.subscription().destination),
        }
    }

    pub(super) fn prefetch(&self) -> u16 {
        match self {
            Self::Requests { prefetch, .. } => *prefetch,
            Self::Events { binding, .. } => binding.subscription().prefetch,
        }
    }

    pub(super) async fn declare(&self, side: &ConsumeSide, connection: &Connection) -> Result<(), DeclareError> {
        match self {
            Self::Requests { api, .. } => declare::rpc_queue(connection, side.topology(), api).await,
            Self::Events { binding, .. } => binding.declare(side, connection).await,
        }
    }

    /// Hands a delivery over.
    pub(super) fn hand_over(&self, source: &Arc<ConsumeChannel>, delivery: Delivery) {
        match self {
            Self::Requests { api, sink, .. } => sink.deliver(settle::request(source, api, delivery)),
            Self::Events { binding, sink } => {
                let (routing_key, was_moved) = (delivery.routing_key.clone(), delivery.exchange.as_str().is_empty());
                let delivery = settle::event(source, binding, delivery);
                if binding.wants(routing_key.as_str(), &delivery.event) {
                    sink.deliver(delivery);
                } else {
                    let unwanted = Unwanted { delivery, was_moved };
                    let (side, connection) = (Arc::clone(&source.side), Arc::clone(&source.connection));
                    tokio::spawn(Arc::clone(binding).settle_unwanted(side, connection, unwanted));
                }
            }
        }
    }

    /// Puts a delivery back that was not handed over.
    pub(super) fn requeue(&self, source: &Arc<ConsumeChannel>, delivery: Delivery) {
        match self {
            // As a fresh copy: a redelivered request might have been run.
            Self::Requests { api, .. } => {
                let RequestDelivery { request, handle, .. } = settle::request(source, api, delivery);
                handle.requeue(request.payload);
            }
            Self::Events { binding, .. } => drop(settle::event(source, binding, delivery)),
        }
    }
}
