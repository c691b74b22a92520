//! How messages travel: traits in the bus's terms, and the transports behind them.
//!
//! A transport knows messages, queues and subscriptions. It knows nothing of types, handlers or the errors of methods. It
//! hands deliveries to a *sink* of the layer above, inside its own receiving loop, so a sink never blocks: it spawns.

pub(crate) mod amqp;
mod calls;
mod consumer;
pub(crate) mod control;
mod dead_letters;
mod events;
pub(crate) mod memory;
mod pending_calls;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub(crate) use self::calls::{CallOutcome, CallTransport, RequestDelivery, RequestHandle, RequestSink};
pub(crate) use self::consumer::Consumer;
pub(crate) use self::control::ControlTransport;
pub(crate) use self::dead_letters::DeadLetterTransport;
pub(crate) use self::events::{EventDelivery, EventHandle, EventSink, EventTransport, PublishFailure, Subscription};
use crate::config::{Location, Settings};
use crate::error::Error;
use crate::protocol::name::ServiceName;

/// One process's way to the other processes.
#[async_trait]
pub(crate) trait Transport:
    CallTransport + EventTransport + DeadLetterTransport + ControlTransport + fmt::Debug + Send + Sync + 'static
{
    /// Whether there is a connection, on which calls and events can leave.
    fn is_connected(&self) -> bool;

    /// Stops taking requests and events. Once it returns, no sink is handed another one.
    async fn stop_consuming(&self);

    /// Puts back everything that is not settled, and closes the connection. Bounded in time.
    async fn close(&self);
}

/// Makes the transport that the URL asks for.
pub(crate) async fn connect(
    settings: &Settings,
    service: &ServiceName,
    process: &str,
) -> Result<Arc<dyn Transport>, Error> {
    match settings.url.location() {
        Location::Memory { name } => Ok(memory::connect(settings, name.as_deref())),
        Location::Amqp { first, others } => amqp::connect(settings, (first, others), service, process).await,
    }
}
