//! RabbitMQ.
//!
//! | module | contains |
//! |---|---|
//! | `session` | the connections of a process, kept open by a supervisor |
//! | `consume` | the consuming side: deliveries, acknowledgements, dead letters |
//! | `control` | questions to processes about themselves, and the answers |
//! | `publish` | the publishing side: calls, replies, events and their confirms |
//! | `topology` | names, arguments and declarations of queues and exchanges |
//! | `connection` | one TCP connection: address, TLS, frames, liveness |
//! | `message` | messages as AMQP properties and headers |
//! | `errors`, `backoff`, `repeat_log`, `clock` | failures, delays between attempts, repeated problems, paused clocks |
//!
//! Each module uses only those below it, and `errors`, `backoff` and `repeat_log` are used by all.
//!
//! Lapin queues a message's frames at the first poll of its future, which otherwise only waits until they are written. Calls,
//! replies and acknowledgements are therefore polled once and dropped: waiting costs two thread switches each. Lapin's own
//! recovery is off: a session is built as a whole, in the right order, and announced when it is complete.

mod backoff;
mod clock;
mod connection;
mod consume;
mod control;
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
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{
    CallOutcome, CallTransport, Consumer, DeadLetterTransport, EventSink, EventTransport, PublishFailure, RequestSink,
    Subscription, Transport,
};
use crate::config::Settings;
use crate::duration::shown;
use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::destination::Destination;
use crate::protocol::message::{EventMessage, Request};
use crate::protocol::name::ServiceName;
use crate::runtime::sync::lock;
use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::availability::Availability;
#[cfg(feature = "tls")]
use crate::transport::amqp::connection::tls;
use crate::transport::amqp::connection::{Identity, Security};
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::consume::consumer::{ConsumeTask, Work};
use crate::transport::amqp::consume::dead_letters;
use crate::transport::amqp::consume::status::{AmqpConsumer, ConsumerStatus};
use crate::transport::amqp::control::{ask, respond};
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::publish::{calls, event};
use crate::transport::amqp::session::hosts::Hosts;
use crate::transport::amqp::session::stall;
use crate::transport::amqp::session::supervisor::{self, Shared};
use crate::transport::amqp::topology::{Topology, declare};
use crate::transport::control::{Answer, Audience, ConsumedQueue, ControlTransport, Respondent};

/// How long closing may take altogether.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to RabbitMQ. Each URL is that of one host of a cluster.
///
/// # Errors
///
/// If there is no connection within the `connect_timeout` of the settings, or the broker refuses for good.
pub(crate) async fn connect(
    settings: &Settings,
    (first, others): (&Url, &[Url]),
    service: &ServiceName,
    process: &str,
) -> Result<Arc<dyn Transport>, Error> {
    let first = Address::from_url(first)?;
    let others = others.iter().map(Address::from_url).collect::<Result<_, _>>()?;
    let security = security(settings, &first)?;
    let topology = Arc::new(Topology::new(settings));
    let process = if process.is_empty() { service.as_str().to_owned() } else { process.to_owned() };
    let shared = Arc::new(Shared {
        url: settings.url.clone(),
        identity: Arc::new(Identity { security, process }),
        topology,
        channel_limit: Arc::default(),
        consuming: watch::Sender::default(),
        ready: watch::Sender::default(),
        consumed: Mutex::default(),
        consumers: TaskTracker::new(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    let mut hosts = Hosts::new(first, others);
    let first = supervisor::first_session(&shared, &mut hosts, settings.connect_timeout).await?;
    tracing::info!("connected to {}", first.address);
    shared.tasks.spawn(supervisor::run(Arc::clone(&shared), hosts, first));
    let shutdown = shared.shutdown.clone();
    shared.tasks.spawn(async move {
        shutdown.run_until_cancelled(stall::report_stalls()).await;
    });
    let stopping = shared.shutdown.child_token();
    let transport = AmqpTransport { shared, stopping };
    Availability::next(&mut transport.shared.ready.subscribe()).await;
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
    /// Starts to consume a queue, and returns once it does.
    async fn consume(&self, work: Work) -> Result<Arc<dyn Consumer>, Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Closed);
        }
        let operation = work.operation();
        let stop = self.stopping.child_token();
        // A caller that stops waiting leaves nothing half registered behind.
        let guard = stop.clone().drop_guard();
        let (first, started) = oneshot::channel();
        let (sender, status) = watch::channel(ConsumerStatus::NONE);
        let sides = self.shared.consuming.subscribe();
        let task =
            self.shared.consumers.spawn(ConsumeTask { work, sides, stop: stop.clone(), first, status: sender }.run());
        match timeout(OPERATION_TIMEOUT, started).await {
            Ok(Ok(Ok(()))) => {
                guard.disarm();
                lock(&self.shared.consumed).push(status.clone());
                Ok(Arc::new(AmqpConsumer { status, ready: self.shared.ready.subscribe(), stop }))
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => {
                drop(guard);
                // It is given up in any case. The broker forgets it with its channel.
                let _ = timeout(OPERATION_TIMEOUT, task).await;
                let reason = format!("there was no connection, or no answer, for {}", shown(OPERATION_TIMEOUT));
                Err(Error::Broker { operation, reason })
            }
        }
    }
}

impl AmqpTransport {
    /// Waits for a connection to inspect a queue on, for at most [`OPERATION_TIMEOUT`].
    async fn side_to_inspect(&self, queue: &str) -> Result<Arc<ConsumeSide>, Error> {
        let side = timeout(OPERATION_TIMEOUT, Availability::next(&mut self.shared.consuming.subscribe())).await;
        let side = side.map_err(|_| Error::Broker {
            operation: format!("inspect the queue {queue}"),
            reason: format!("there was no connection for {}", shown(OPERATION_TIMEOUT)),
        })?;
        side.ok_or(Error::Closed)
    }
}

#[async_trait]
impl CallTransport for AmqpTransport {
    async fn call(&self, request: Box<Request>, deadline: Instant) -> CallOutcome {
        calls::call(&self.shared.ready, &self.shared.shutdown, request, deadline).await
    }

    async fn serve(
        &self,
        api: &'static str,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        self.consume(Work::Requests { api, prefetch, sink }).await
    }

    async fn servers(&self, api: &str) -> Option<u32> {
        calls::servers(&self.shared.ready, api).await
    }
}

#[async_trait]
impl EventTransport for AmqpTransport {
    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure> {
        event::publish(&self.shared.ready, event, deadline).await
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        sink: Arc<dyn EventSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        self.consume(Work::events(subscription, sink)).await
    }
}

#[async_trait]
impl DeadLetterTransport for AmqpTransport {
    async fn dead_letter_count(&self, destination: &Destination) -> Result<u64, Error> {
        let queue = self.shared.topology.dead_queue(destination);
        let side = self.side_to_inspect(&queue).await?;
        let found = match side.existing_connection() {
            Some(consuming) => declare::inspect(&consuming.connection, &queue).await,
            None => declare::inspect(&side.publish.connection, &queue).await,
        };
        let found = found.map_err(|failure| failure.into_error(format!("inspect the queue {queue}")))?;
        // AMQP has no way to list the others.
        found.map(|queue| queue.message_count().into()).ok_or_else(|| Error::unknown(destination, Vec::new()))
    }

    async fn dead_letters(&self, destination: &Destination, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let queue = self.shared.topology.dead_queue(destination);
        dead_letters::list(&*self.side_to_inspect(&queue).await?, &queue, limit).await
    }

    async fn settle_dead_letters(
        &self,
        destination: &Destination,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error> {
        let topology = &self.shared.topology;
        let (queue, live) = (topology.dead_queue(destination), topology.queue(destination));
        let side = self.side_to_inspect(&queue).await?;
        dead_letters::settle(&side, &queue, &live, &selection, action).await
    }
}

#[async_trait]
impl ControlTransport for AmqpTransport {
    fn answer_questions(&self, respondent: Respondent, sink: Arc<dyn RequestSink>) {
        let (shared, shutdown) = (Arc::clone(&self.shared), self.shared.shutdown.clone());
        self.shared.tasks.spawn(async move {
            shutdown.run_until_cancelled(respond::run(shared, respondent, sink)).await;
        });
    }

    async fn ask(&self, audience: &Audience, question: Request) -> Result<Option<mpsc::Receiver<Answer>>, Error> {
        ask::ask(&self.shared.ready, &self.shared.tasks, audience, question).await
    }

    async fn consumers(&self, queue: &ConsumedQueue) -> Option<u32> {
        let topology = &self.shared.topology;
        let queue = match queue {
            ConsumedQueue::Api(api) => topology.rpc_queue(api),
            ConsumedQueue::Destination(destination) => topology.queue(destination),
        };
        ask::consumers(&self.shared.ready, &queue).await
    }
}

#[async_trait]
impl Transport for AmqpTransport {
    fn is_connected(&self) -> bool {
        self.shared.ready.borrow().current().is_some()
    }

    async fn stop_consuming(&self) {
        self.stopping.cancel();
        self.shared.consumers.close();
        // A task that does not end in time hands nothing over either.
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
        // The supervisor closes the connections, unless that has happened already.
        self.shared.shutdown.cancel();
    }
}

impl fmt::Debug for AmqpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpTransport")
            .field("url", &self.shared.url)
            .field("ready", &*self.shared.ready.borrow())
            .finish_non_exhaustive()
    }
}
