//! RabbitMQ.
//!
//! | module | does |
//! |---|---|
//! | `address`, `hosts`, `backoff`, `topology`, `properties`, `failed`, `fit`, `errors`, `attempts`, `sanitize`, `watchdog`, `acks`, `unconfirmed` | decide and translate, without I/O |
//! | `wire`, `tls`, `link`, `attended`, `stream`, `deferral` | make one connection |
//! | `declare` | makes sure that queues and exchanges exist |
//! | `session`, `consuming` | one generation: the connections and their channels |
//! | `publisher`, `publishing`, `replies`, `consumer`, `handles`, `moving`, `dead_letters`, `pulse`, `watching`, `reached` | what runs on a session |
//! | `supervisor`, `state`, `progress` | one session after the other |
//!
//! Lapin queues a message's frames at the first poll of its future, which otherwise only waits until they are written.
//! Calls, replies and acknowledgements are therefore polled once and dropped: waiting costs two changes of thread each. Where
//! they are to leave at once, [`Wire::write_soon`](wire::Wire::write_soon) says so to the connection's thread.
//! No recovery of lapin's is used: what stands again here stands as a whole, in the right order, and says so.

mod acks;
mod address;
mod attempts;
#[cfg(target_os = "linux")]
mod attended;
mod backoff;
mod consumer;
mod consuming;
mod dead_letters;
mod declare;
mod deferral;
mod errors;
mod failed;
mod fit;
mod handles;
#[cfg(test)]
mod hostile_tests;
mod hosts;
mod link;
mod moving;
mod progress;
mod properties;
mod publisher;
mod publishing;
mod pulse;
mod reached;
mod replies;
mod sanitize;
mod session;
mod state;
mod stream;
mod supervisor;
#[cfg(feature = "tls")]
mod tls;
mod topology;
mod unconfirmed;
mod watchdog;
mod watching;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::address::Address;
use self::consumer::{Consuming, Work};
use self::errors::OPERATION_TIMEOUT;
use self::hosts::Hosts;
use self::progress::{Consumed, Progress};
use self::session::{Plan, Session};
use self::state::State;
use self::supervisor::Shared;
use self::topology::Topology;
use self::wire::Security;
use super::{
    EventSink, Generation, NotSent, PublishFailure, ReplySink, RequestSink, Subscription, Transport, WhyNotSent,
};
use crate::config::Settings;
use crate::dead_letter::{DeadLetter, Verdict, Which};
use crate::error::Error;
use crate::health::Health;
use crate::message::{EventMessage, Request};
use crate::name::{ServiceName, SubscriptionName};
use crate::sync::lock;

/// How long it may take to find out who serves an API.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

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
    replies: Arc<dyn ReplySink>,
) -> Result<Arc<dyn Transport>, Error> {
    let first = Address::from_url(first)?;
    let others = others.iter().map(Address::from_url).collect::<Result<_, _>>()?;
    let security = security(settings, &first)?;
    let topology = Topology::new(settings);
    let process = if process.is_empty() { service.as_str().to_owned() } else { process.to_owned() };
    let shared = Arc::new(Shared {
        plan: Arc::new(Plan { url: settings.url.clone(), security, topology, process }),
        replies,
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
    transport.connected().await;
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
        let reason = "amqps:// needs Lightbus's cargo feature `tls`".to_owned();
        Err(Error::InvalidSetting { setting: "url", reason })
    }
}

/// A process's way to the others over RabbitMQ.
struct AmqpTransport {
    shared: Arc<Shared>,
    /// Ends the consuming.
    stopping: CancellationToken,
}

impl AmqpTransport {
    /// Begins to consume, and returns once it does.
    async fn consume(&self, work: Work) -> Result<(), Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Closed);
        }
        let operation = work.operation();
        let (kind, name) = (work.kind(), work.name().to_owned());
        let stop = self.stopping.child_token();
        // Whoever stops waiting, or waits in vain, leaves nothing half registered behind.
        let guard = stop.clone().drop_guard();
        let (first, started) = oneshot::channel();
        let (sender, progress) = watch::channel(Progress::NONE);
        let consuming = Consuming { work, state: self.shared.state.subscribe(), stop, first, progress: sender };
        let task = self.shared.consumers.spawn(consuming.run());
        match timeout(OPERATION_TIMEOUT, started).await {
            Ok(Ok(Ok(()))) => {
                guard.disarm();
                lock(&self.shared.consumed).push(Consumed { kind, name, progress });
                Ok(())
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
impl Transport for AmqpTransport {
    fn generation(&self) -> Option<Generation> {
        self.shared.state.borrow().ready().map(|session| session.generation)
    }

    async fn connected(&self) -> Generation {
        match State::working(&mut self.shared.state.subscribe()).await {
            Some(session) => session.generation,
            None => std::future::pending().await,
        }
    }

    fn call(&self, generation: Generation, request: Request) -> Result<(), NotSent> {
        // The state stays borrowed while the request is queued: until then, its generation is not reported lost.
        let state = self.shared.state.borrow();
        match state.ready() {
            Some(session) if session.generation == generation => session.call(request),
            _ => Err(NotSent { why: WhyNotSent::Lost, request: Box::new(request) }),
        }
    }

    async fn reach(&self, generation: Generation, api: &str) {
        let session = self.shared.state.borrow().ready().cloned();
        if let Some(session) = session.filter(|session| session.generation == generation) {
            session.reach(api).await;
        }
    }

    async fn servers(&self, api: &str) -> Option<u32> {
        let session = self.shared.state.borrow().ready().cloned()?;
        let queue = session.plan.topology.rpc_queue(api);
        let found = timeout(LOOK_TIMEOUT, declare::look(&session.publishing, &queue)).await;
        Some(found.ok()?.ok()?.map_or(0, |queue| queue.consumer_count()))
    }

    async fn serve(&self, api: &'static str, prefetch: u16, sink: Arc<dyn RequestSink>) -> Result<(), Error> {
        self.consume(Work::Requests { api, prefetch, sink }).await
    }

    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure> {
        publishing::publish(&self.shared.state, event, deadline).await
    }

    async fn subscribe(&self, subscription: Subscription, sink: Arc<dyn EventSink>) -> Result<(), Error> {
        self.consume(Work::Events { subscription: Arc::new(subscription), sink }).await
    }

    async fn dead_letter_count(&self, service: &ServiceName, name: &SubscriptionName) -> Result<u64, Error> {
        let queue = self.shared.plan.topology.dead_queue(service, name);
        let session = self.session_to_look_at(&queue).await?;
        let found = declare::look(&session.publishing, &queue).await;
        let found = found.map_err(|failure| failure.into_error(format!("look at the queue {queue}")))?;
        Ok(found.map_or(0, |queue| queue.message_count().into()))
    }

    fn health(&self) -> Health {
        let working = self.generation();
        let consumers = lock(&self.shared.consumed).iter().map(|consumed| consumed.health(working)).collect();
        Health { connected: working.is_some(), consumers }
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
        which: Which,
        verdict: Verdict,
    ) -> Result<u64, Error> {
        let topology = &self.shared.plan.topology;
        let (queue, subscription) = (topology.dead_queue(service, name), topology.subscription_queue(service, name));
        let session = self.session_to_look_at(&queue).await?;
        dead_letters::settle(&session, &queue, &subscription, &which, verdict).await
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
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}
