//! RabbitMQ.
//!
//! | module | holds |
//! |---|---|
//! | `session` | the connections of one generation, one session after the other, and whether they are alive |
//! | `consume`, `publish` | consumers and their acknowledgements, publishing and its confirms |
//! | `topology` | names, arguments and declarations of queues and exchanges |
//! | `connection` | one TCP connection: address, TLS, frames |
//! | `message` | messages as AMQP properties and headers |
//! | `errors`, `backoff` | typed failures of one operation, delays between two attempts |
//!
//! Lapin queues a message's frames at the first poll of its future, which otherwise only waits until they are written.
//! Calls, replies and acknowledgements are therefore polled once and dropped: waiting costs two thread switches each.
//! No recovery of lapin's is used: what stands again here stands as a whole, in the right order, and says so.

mod backoff;
mod clock;
mod connection;
mod consume;
mod errors;
mod message;
mod publish;
mod repeat_log;
mod session;
mod topology;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{
    CallOutcome, CallTransport, Consumer, DeadLetterTransport, EventSink, EventTransport, PublishFailure, RequestSink,
    Subscription, Transport,
};
use crate::config::Settings;
use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::message::{EventMessage, Request};
use crate::protocol::name::{ServiceName, SubscriptionName};
use crate::runtime::sync::lock;
use crate::transport::amqp::connection::Security;
use crate::transport::amqp::connection::address::Address;
#[cfg(feature = "tls")]
use crate::transport::amqp::connection::tls;
use crate::transport::amqp::consume::consumer::{ConsumeTask, Consumed};
use crate::transport::amqp::consume::dead_letters;
use crate::transport::amqp::consume::status::{AmqpConsumer, ConsumerStatus};
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::publish::event as publish_event;
use crate::transport::amqp::session::calls;
use crate::transport::amqp::session::hosts::Hosts;
use crate::transport::amqp::session::state::State;
use crate::transport::amqp::session::supervisor;
use crate::transport::amqp::session::supervisor::Shared;
use crate::transport::amqp::session::{Session, SessionConfig};
use crate::transport::amqp::topology::Topology;
use crate::transport::amqp::topology::declare;

/// How long closing may take altogether.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to RabbitMQ, trying for as long as the settings say. Each URL is that of one host of a cluster.
///
/// # Errors
///
/// When there is no connection by then, or the broker refuses for good.
pub(crate) async fn connect(
    settings: &Settings,
    (first, others): (&Url, &[Url]),
    service: &ServiceName,
    process: &str,
) -> Result<Arc<dyn Transport>, Error> {
    let first = Address::from_url(first)?;
    let others = others.iter().map(Address::from_url).collect::<Result<_, _>>()?;
    let security = security(settings, &first)?;
    let topology = Topology::new(settings);
    let process = if process.is_empty() { service.as_str().to_owned() } else { process.to_owned() };
    let shared = Arc::new(Shared {
        plan: Arc::new(SessionConfig { url: settings.url.clone(), security, topology, process }),
        state: watch::Sender::default(),
        consumed: Mutex::default(),
        consumers: TaskTracker::new(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    let mut hosts = Hosts::new(first, others);
    let first = supervisor::first_session(&shared, &mut hosts, settings.connect_timeout).await?;
    tracing::info!("connected to {}", first.address);
    shared.tasks.spawn(supervisor::run(Arc::clone(&shared), hosts, first));
    let stopping = shared.shutdown.child_token();
    let transport = AmqpTransport { shared, stopping };
    State::working(&mut transport.shared.state.subscribe()).await;
    Ok(Arc::new(transport))
}

fn security(settings: &Settings, address: &Address) -> Result<Security, Error> {
    if !address.tls {
        return Ok(Security::Plain);
    }
    #[cfg(feature = "tls")]
    return tls::connector(settings.tls_ca_file.as_deref()).map(Security::Tls);
    #[cfg(not(feature = "tls"))]
    {
        let _ = settings;
        let reason = "amqps:// needs TLS, and Lightbus was built without it";
        Err(Error::invalid_setting("url", reason, "turn on Lightbus's cargo feature `tls`"))
    }
}

/// A process's way to the others over RabbitMQ.
struct AmqpTransport {
    shared: Arc<Shared>,
    /// Ends the consuming.
    stopping: CancellationToken,
}

impl AmqpTransport {
    /// Consumes a queue, and returns once the broker sends what there is.
    async fn consume(&self, work: Consumed) -> Result<Arc<dyn Consumer>, Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Closed);
        }
        let operation = work.operation();
        let stop = self.stopping.child_token();
        // Whoever stops waiting, or waits in vain, leaves nothing half registered behind.
        let guard = stop.clone().drop_guard();
        let (first, started) = oneshot::channel();
        let (sender, progress) = watch::channel(ConsumerStatus::NONE);
        let consuming =
            ConsumeTask { work, state: self.shared.state.subscribe(), stop: stop.clone(), first, progress: sender };
        let task = self.shared.consumers.spawn(consuming.run());
        match timeout(OPERATION_TIMEOUT, started).await {
            Ok(Ok(Ok(()))) => {
                guard.disarm();
                lock(&self.shared.consumed).push(progress.clone());
                Ok(Arc::new(AmqpConsumer { progress, state: self.shared.state.subscribe(), stop }))
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => {
                drop(guard);
                // It is given up either way; what the broker still thinks of it ends with its channel.
                let _ = timeout(OPERATION_TIMEOUT, task).await;
                let reason = format!("there was no connection, or no answer, for {OPERATION_TIMEOUT:?}");
                Err(Error::Broker { operation, reason })
            }
        }
    }
}

impl AmqpTransport {
    /// Waits for a connection, but not for ever.
    async fn session_to_look_at(&self, queue: &str) -> Result<Arc<Session>, Error> {
        let working = timeout(OPERATION_TIMEOUT, State::working(&mut self.shared.state.subscribe())).await;
        let session = working.map_err(|_| Error::Broker {
            operation: format!("look at the queue {queue}"),
            reason: format!("there was no connection for {OPERATION_TIMEOUT:?}"),
        })?;
        session.ok_or(Error::Closed)
    }
}

#[async_trait]
impl CallTransport for AmqpTransport {
    async fn call(&self, request: Request, deadline: Instant) -> CallOutcome {
        calls::call(&self.shared, request, deadline).await
    }

    async fn serve(
        &self,
        api: &'static str,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        self.consume(Consumed::Requests { api, prefetch, sink }).await
    }

    async fn servers(&self, api: &str) -> Option<u32> {
        calls::servers(&self.shared, api).await
    }
}

#[async_trait]
impl EventTransport for AmqpTransport {
    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure> {
        publish_event::publish(&self.shared.state, event, deadline).await
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        sink: Arc<dyn EventSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        self.consume(Consumed::Events { subscription: Arc::new(subscription), sink }).await
    }
}

#[async_trait]
impl DeadLetterTransport for AmqpTransport {
    async fn dead_letter_count(&self, service: &ServiceName, name: &SubscriptionName) -> Result<u64, Error> {
        let queue = self.shared.plan.topology.dead_queue(service, name);
        let session = self.session_to_look_at(&queue).await?;
        let found = declare::inspect(&session.publishing, &queue).await;
        let found = found.map_err(|failure| failure.into_error(format!("look at the queue {queue}")))?;
        // AMQP has no way to list the others.
        found.map(|queue| queue.message_count().into()).ok_or_else(|| Error::UnknownSubscription {
            service: service.to_string(),
            name: name.to_string(),
            similar: Vec::new(),
        })
    }

    async fn dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let queue = self.shared.plan.topology.dead_queue(service, name);
        dead_letters::list(&*self.session_to_look_at(&queue).await?, &queue, limit).await
    }

    async fn settle_dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error> {
        let topology = &self.shared.plan.topology;
        let (queue, subscription) = (topology.dead_queue(service, name), topology.subscription_queue(service, name));
        let session = self.session_to_look_at(&queue).await?;
        dead_letters::settle(&session, &queue, &subscription, &selection, action).await
    }
}

#[async_trait]
impl Transport for AmqpTransport {
    fn is_connected(&self) -> bool {
        self.shared.state.borrow().ready().is_some()
    }

    async fn stop_consuming(&self) {
        self.stopping.cancel();
        self.shared.consumers.close();
        // What does not end in time hands over nothing any more either.
        let _ = timeout(CLOSE_TIMEOUT, self.shared.consumers.wait()).await;
    }

    async fn close(&self) {
        self.stop_consuming().await;
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        let _ = timeout(CLOSE_TIMEOUT, self.shared.tasks.wait()).await;
    }
}

impl Drop for AmqpTransport {
    fn drop(&mut self) {
        // The supervisor says goodbye to the broker, if it was not done already.
        self.shared.shutdown.cancel();
    }
}

impl fmt::Debug for AmqpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpTransport")
            .field("url", &self.shared.plan.url)
            .field("state", &*self.shared.state.borrow())
            .finish_non_exhaustive()
    }
}
