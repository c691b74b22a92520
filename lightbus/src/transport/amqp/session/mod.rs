//! One generation: the connections of a process and their channels, from when they stand until the first of them is lost.

pub(crate) mod calls;
pub(crate) mod connect_report;
pub(crate) mod consuming;
mod hidden_queues;
pub(crate) mod hosts;
mod probe;
mod queue_readiness;
pub(crate) mod replies;
pub(crate) mod state;
pub(crate) mod supervisor;
pub(crate) mod watch_session;
pub(crate) mod watchdog;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::sync::{Notify, OnceCell};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::config::BusUrl;
use crate::runtime::sync::Flag;
use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::{Connection, Security, release, set_up};
use crate::transport::amqp::errors::{ConnectFailure, OPERATION_TIMEOUT, OperationError, bounded, reason};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::publish::confirm_publisher::{self, ConfirmPublisher};
use crate::transport::amqp::session::consuming::ConsumeConnection;
use crate::transport::amqp::session::hidden_queues::HiddenQueues;
use crate::transport::amqp::session::queue_readiness::QueueReadiness;
use crate::transport::amqp::topology::declare;
use crate::transport::amqp::topology::{Topology, default_exchange};
use crate::transport::pending_calls::PendingCalls;

/// How many events may wait for the broker's confirm.
const EVENT_WINDOW: usize = 1024;

/// How long what is queued may take to be written before a connection is closed.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Counts the connections of a transport: every reconnect moves on to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);

/// What every session of a transport is made from.
#[derive(Debug)]
pub(crate) struct SessionConfig {
    /// Where the bus is, as it is shown to people.
    pub(crate) url: BusUrl,
    pub(crate) security: Security,
    pub(crate) topology: Topology,
    /// The process, as the broker's operators see it.
    pub(crate) process: String,
}

/// Up to two connections and their channels. The second one keeps acknowledgements and deliveries going while the broker
/// holds back those who publish; it is made when the first queue is consumed: a process that only calls and publishes
/// would need nearly half as much memory again for lapin's buffers.
pub(crate) struct Session {
    pub(crate) generation: Generation,
    pub(crate) plan: Arc<SessionConfig>,
    /// The host that all connections go to.
    pub(crate) address: Address,
    pub(crate) publishing: Connection,
    /// Questions to the broker leave here.
    pub(crate) pulse: Channel,
    /// Requests leave here without confirms, and their replies arrive here.
    pub(crate) calls: Channel,
    /// Replies leave here.
    replies: Channel,
    /// Events leave here.
    pub(crate) events: ConfirmPublisher,
    /// Events leave here one at a time: those that are moved from queue to queue, as it has to be known which of them found
    /// none, and those that may be why a channel was closed.
    pub(crate) singly: ConfirmPublisher,
    consuming: OnceCell<Arc<ConsumeConnection>>,
    /// Rings when the connection for consuming is made.
    consuming_made: Notify,
    /// Rings at every call, for whoever looks for calls that nobody serves.
    pub(crate) called: Notify,
    /// The calls that wait for their outcomes on this connection.
    pub(crate) pending: PendingCalls,
    readiness: QueueReadiness,
    hidden: HiddenQueues,
    lost: Flag,
    reason: OnceLock<Loss>,
}

/// Why a session was lost.
#[derive(Debug)]
struct Loss {
    reason: String,
    /// Whether the broker had gone silent.
    silent: bool,
}

impl Session {
    /// Connects to a host within `limit`, and sets the channels up. Nothing is consumed yet.
    pub(crate) async fn open(
        plan: &Arc<SessionConfig>,
        address: &Address,
        generation: Generation,
        tasks: &TaskTracker,
        limit: Duration,
    ) -> Result<Arc<Self>, ConnectFailure> {
        let SessionConfig { security, topology, process, .. } = &**plan;
        let publishing = Connection::open(address, security, format!("{process} publish"), limit).await?;
        let declared = timeout(OPERATION_TIMEOUT, declare::events_exchange(&publishing, topology));
        let declared = declared.await.map_err(|_| ConnectFailure::Silent(OPERATION_TIMEOUT))?;
        declared.map_err(|refused| ConnectFailure::Setup(refused.into_error()))?;
        let channels = async {
            let (calls, replies, pulse) =
                (publishing.channel().await?, publishing.channel().await?, publishing.channel().await?);
            Ok((calls, replies, pulse, confirming(&publishing).await?, confirming(&publishing).await?))
        };
        let (calls, replies, pulse, event_channel, single_channel) = set_up(channels).await?;
        let (events, event_inbox) = ConfirmPublisher::new();
        let (singly, single_inbox) = ConfirmPublisher::new();
        let session = Arc::new(Self {
            generation,
            plan: Arc::clone(plan),
            address: address.clone(),
            publishing,
            pulse,
            calls,
            replies,
            events,
            singly,
            consuming: OnceCell::new(),
            consuming_made: Notify::new(),
            called: Notify::new(),
            pending: PendingCalls::new(),
            readiness: QueueReadiness::default(),
            hidden: HiddenQueues::default(),
            lost: Flag::default(),
            reason: OnceLock::new(),
        });
        tasks.spawn(confirm_publisher::run(Arc::clone(&session), event_channel, event_inbox, EVENT_WINDOW));
        tasks.spawn(confirm_publisher::run(Arc::clone(&session), single_channel, single_inbox, 1));
        Ok(session)
    }

    /// The connection that queues are consumed on, which is made if there is none yet.
    pub(crate) async fn consuming(&self) -> Result<Arc<ConsumeConnection>, OperationError> {
        let opened = self.consuming.get_or_try_init(|| ConsumeConnection::open(&self.plan, &self.address)).await;
        let consuming = Arc::clone(opened.map_err(|failure| OperationError::of_connecting(&failure))?);
        self.consuming_made.notify_one();
        Ok(consuming)
    }

    /// Waits until the connection is made that queues are consumed on.
    pub(crate) async fn consuming_once_made(&self) -> Arc<ConsumeConnection> {
        loop {
            match self.consuming.get() {
                Some(consuming) => return Arc::clone(consuming),
                None => self.consuming_made.notified().await,
            }
        }
    }

    /// Declares the session lost. Only the first reason counts.
    pub(crate) fn fail(&self, reason: String) {
        self.lose(Loss { reason, silent: false });
    }

    /// Declares the session lost because the broker has gone silent.
    pub(crate) fn fall_silent(&self, reason: String) {
        self.lose(Loss { reason, silent: true });
    }

    fn lose(&self, loss: Loss) {
        let _ = self.reason.set(loss);
        self.lost.set();
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_set()
    }

    /// Returns when the session is lost.
    pub(crate) async fn lost(&self) {
        self.lost.wait().await;
    }

    /// Waits, but no longer once the session is lost.
    pub(crate) async fn while_alive<F: Future>(&self, future: F) -> Option<F::Output> {
        self.lost.until_set(future).await
    }

    /// Takes an operation's failure for the end of the session, unless the broker refused the operation alone.
    pub(crate) fn judge(&self, failure: &OperationError) {
        if !failure.is_refusal() {
            self.fail(failure.reason());
        }
    }

    /// Queues a reply, without waiting for it to be written. One that cannot leave is dropped: its caller is told of the
    /// loss of the connection, or its deadline passes.
    pub(crate) fn reply(&self, to: ShortString, properties: BasicProperties, body: &Bytes) {
        let options = BasicPublishOptions::default();
        let sent = self.replies.basic_publish(default_exchange(), to, options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            self.fail(reason(&error));
        }
    }

    /// Sends a reply, and waits until it is written. `false` when that fails.
    pub(crate) async fn write_reply(&self, to: ShortString, properties: BasicProperties, body: &Bytes) -> bool {
        let options = BasicPublishOptions::default();
        let sent = self.replies.basic_publish(default_exchange(), to, options, body, properties);
        let mut written = pin!(self.while_alive(sent));
        let written = match written.as_mut().now_or_never() {
            Some(written) => written,
            None => written.await,
        };
        matches!(written, Some(Ok(_)))
    }

    /// Opens a channel whose messages the broker confirms.
    pub(crate) async fn confirming_channel(&self) -> Result<Channel, OperationError> {
        confirming(&self.publishing).await
    }

    /// Why the session was lost.
    pub(crate) fn reason(&self) -> &str {
        self.reason.get().map_or("", |loss| &loss.reason)
    }

    /// Whether the session was given up because the broker had gone silent.
    pub(crate) fn fell_silent(&self) -> bool {
        self.reason.get().is_some_and(|loss| loss.silent)
    }

    pub(crate) fn publishing_stands(&self) -> bool {
        self.publishing.is_connected()
            && [&self.calls, &self.replies, &self.pulse].iter().all(|it| it.status().connected())
    }

    /// Lets what is queued leave, and closes the connections. Bounded in time.
    pub(crate) async fn close(&self) {
        if !self.is_lost() {
            self.on_each(|connection| self.flush(connection)).await;
        }
        self.on_each(Connection::close).await;
        self.fail("it was closed".to_owned());
    }

    /// Does something with each connection, side by side.
    async fn on_each<'a, F: Future<Output = ()>>(&'a self, act: impl Fn(&'a Connection) -> F) {
        let consuming = async {
            if let Some(consuming) = self.consuming.get() {
                act(&consuming.connection).await;
            }
        };
        tokio::join!(act(&self.publishing), consuming);
    }

    /// Waits until everything that is queued on the connection is written: lapin lets a goodbye overtake it.
    async fn flush(&self, connection: &Connection) {
        let flushed = async {
            let Ok(channel) = connection.channel().await else { return };
            let (nowhere, options) = (short(self.plan.topology.nowhere()), BasicPublishOptions::default());
            // The broker drops a message that leads nowhere; when it is written, all that was queued before it is.
            let _ = channel.basic_publish(default_exchange(), nowhere, options, &[], BasicProperties::default()).await;
            release(channel).await;
        };
        let _ = timeout(FLUSH_TIMEOUT, flushed).await;
    }
}

async fn confirming(connection: &Connection) -> Result<Channel, OperationError> {
    let channel = connection.channel().await?;
    bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("generation", &self.generation)
            .field("address", &self.address)
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}
