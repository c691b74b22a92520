//! The consuming side of a session, and its connection.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use futures_util::FutureExt;
use lapin::options::{BasicPublishOptions, BasicQosOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::sync::{Mutex, Notify, OnceCell};
use tokio::time::Instant;

use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::availability::SessionPart;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::connection::{Connection, Identity, release, set_up};
use crate::transport::amqp::consume::channel_limit::{ChannelLimit, ConsumerCount};
use crate::transport::amqp::errors::{ConnectFailure, OPERATION_TIMEOUT, OperationError, bounded, reason};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::topology::{Topology, default_exchange};

/// The consuming side of a session.
///
/// It has a connection of its own, so that deliveries and acknowledgements go on while the broker holds publishers back. The
/// connection is made when the first queue is consumed: lapin's buffers would cost a process that only calls and publishes
/// nearly half as much memory again.
pub(crate) struct ConsumeSide {
    pub(crate) identity: Arc<Identity>,
    /// The host of the publishing connection.
    pub(crate) address: Address,
    /// Replies leave there, and events that move to another queue.
    pub(crate) publish: Arc<PublishSide>,
    /// The limit on channels that this process has run into.
    limit: Arc<ChannelLimit>,
    consumers: ConsumerCount,
    /// Held while a consumer opens its channel, so that it is known which one was too many.
    opening: Mutex<()>,
    connection: OnceCell<Arc<ConsumeConnection>>,
    /// Notified once the connection is made.
    connected: Notify,
    lifeline: Arc<Lifeline>,
}

impl ConsumeSide {
    pub(crate) fn new(
        identity: Arc<Identity>,
        address: Address,
        publish: Arc<PublishSide>,
        limit: Arc<ChannelLimit>,
        lifeline: Arc<Lifeline>,
    ) -> Self {
        Self {
            identity,
            address,
            publish,
            limit,
            consumers: ConsumerCount::default(),
            opening: Mutex::default(),
            connection: OnceCell::new(),
            connected: Notify::new(),
            lifeline,
        }
    }

    /// Opens the channel of a consumer.
    ///
    /// # Errors
    ///
    /// If the connection is lost, or a limit is reached.
    pub(super) async fn open_channel(
        self: &Arc<Self>,
        connection: &ConsumeConnection,
    ) -> Result<ConsumerChannel, OperationError> {
        let _opening = self.opening.lock().await;
        let consumers = self.consumers.get();
        self.limit.check(consumers, Instant::now())?;
        match connection.connection.channel().await {
            Ok(channel) => {
                self.limit.opened(self.consumers.add());
                Ok(ConsumerChannel { channel, side: Arc::clone(self) })
            }
            Err(failure) => {
                // A connection knows its own limit.
                if failure.is_limit() && !matches!(failure, OperationError::ChannelLimit(_)) {
                    self.limit.reached(consumers, &failure, Instant::now());
                }
                Err(failure)
            }
        }
    }

    /// Returns the connection, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub(crate) async fn connection(&self) -> Result<Arc<ConsumeConnection>, OperationError> {
        let opened = self.connection.get_or_try_init(|| ConsumeConnection::open(&self.identity, &self.address)).await;
        let connection = Arc::clone(opened.map_err(|failure| OperationError::from(&failure))?);
        self.connected.notify_one();
        Ok(connection)
    }

    /// Returns the connection if it is made.
    pub(crate) fn existing_connection(&self) -> Option<&Arc<ConsumeConnection>> {
        self.connection.get()
    }

    /// Waits until the connection is made.
    pub(crate) async fn connected(&self) -> Arc<ConsumeConnection> {
        loop {
            match self.connection.get() {
                Some(connection) => return Arc::clone(connection),
                None => self.connected.notified().await,
            }
        }
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.publish.topology
    }
}

impl SessionPart for ConsumeSide {
    fn lifeline(&self) -> &Lifeline {
        &self.lifeline
    }
}

impl fmt::Debug for ConsumeSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeSide").field("lifeline", &self.lifeline).finish_non_exhaustive()
    }
}

/// The channel of a consumer.
#[derive(Debug)]
pub(super) struct ConsumerChannel {
    channel: Channel,
    side: Arc<ConsumeSide>,
}

impl ConsumerChannel {
    /// Closes the channel.
    pub(super) async fn release(self) {
        release(self.channel.clone()).await;
    }
}

impl Deref for ConsumerChannel {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl Drop for ConsumerChannel {
    fn drop(&mut self) {
        self.side.consumers.remove();
    }
}

/// The connection that queues are consumed on.
#[derive(Debug)]
pub(crate) struct ConsumeConnection {
    pub(crate) connection: Connection,
    /// Requeues requests, on the connection that acknowledges them. The channel that a request came from cannot do that: lapin
    /// closes it once nothing holds it, before its queued messages have left.
    requeue: Channel,
    /// The probe's channel.
    pub(crate) probe: Channel,
}

impl ConsumeConnection {
    async fn open(identity: &Identity, address: &Address) -> Result<Arc<Self>, ConnectFailure> {
        let name = format!("{} consume", identity.process);
        let connection = Connection::open(address, &identity.security, name, OPERATION_TIMEOUT).await?;
        let channels = async {
            let channels = (connection.channel().await?, connection.channel().await?);
            // The channel of declarations is opened with the others, so that a reconnect needs no more than the start did.
            connection.perform(|_| async { Ok(()) }).await?;
            Ok(channels)
        };
        let (requeue, probe) = set_up(channels).await?;
        Ok(Arc::new(Self { connection, requeue, probe }))
    }

    /// Puts a request on a queue, without waiting until it is written.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub(crate) fn requeue(&self, queue: ShortString, properties: BasicProperties, body: &[u8]) -> Result<(), String> {
        let options = BasicPublishOptions::default();
        let sent = self.requeue.basic_publish(default_exchange(), queue, options, body, properties);
        match sent.now_or_never() {
            Some(Err(error)) => Err(reason(&error)),
            _ => Ok(()),
        }
    }

    /// Whether the broker answers.
    pub(crate) async fn responds(&self) -> bool {
        bounded(self.probe.basic_qos(1, BasicQosOptions::default())).await.is_ok()
    }

    /// Whether the connection and the channels that it cannot do without are open.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_connected() && self.requeue.status().connected() && self.probe.status().connected()
    }
}
