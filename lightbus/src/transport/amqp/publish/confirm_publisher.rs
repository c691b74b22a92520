//! Publishes with confirms.
//!
//! One task owns the channel and polls each publication once, in order: lapin takes a message's number in one step and
//! queues its frames in another, so two tasks on one channel could each get the other's confirm. It also lets many messages
//! share one write and one confirm. Confirms are taken in the order of their messages
//! ([`pending_confirms`](crate::transport::amqp::publish::pending_confirms)).
//!
//! When the broker refuses a message, the next ones leave on another channel. A channel finds the leader of a quorum queue
//! when it first publishes to it. If the leader's node has just gone down, RabbitMQ (3.10 at least) keeps asking that node
//! for as long as the channel lives, and refuses everything that leads to that queue.
//!
//! Nothing is handed to lapin while the broker has blocked the connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{ChannelId, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::select;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::publish::pending_confirms::PendingConfirms;

/// How many messages may wait to be published. Further publishers wait for room.
const QUEUED: usize = 256;

/// How often confirms that came before their turn are collected, and a blocked connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// How long a channel that broke may take to report on its messages.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// A message to publish.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    /// Whether the message must reach a queue.
    pub(crate) mandatory: bool,
    pub(crate) body: Bytes,
    pub(crate) properties: BasicProperties,
}

/// How a publication ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The broker has persisted it.
    Confirmed,
    /// It had to reach a queue, and there was none.
    Returned,
    /// The broker did not take it.
    Refused,
    /// Its channel was closed, because of this publication or of another one.
    Interrupted(OperationError),
}

/// The session has ended, and the outcome of the publication is unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionEnded;

type Order = (Publication, oneshot::Sender<Outcome>);

/// Publishes messages on one connection.
#[derive(Debug)]
pub(crate) struct ConfirmPublisher {
    orders: mpsc::Sender<Order>,
}

impl ConfirmPublisher {
    /// Starts to publish on a channel, with at most `window` messages unconfirmed at a time.
    ///
    /// Lapin attaches a returned message to the next confirm. With a window of one, that is the confirm of the message itself,
    /// so mandatory messages need such a publisher.
    pub(crate) fn start(
        connection: Arc<Connection>,
        lifeline: Arc<Lifeline>,
        channel: Channel,
        window: usize,
        tasks: &TaskTracker,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(QUEUED);
        let task = PublishTask { connection, lifeline, inbox, window };
        tasks.spawn(task.run(channel));
        Self { orders }
    }

    /// Publishes a message, and returns once the broker has reported on it.
    pub(crate) fn publish(&self, publication: Publication) -> impl Future<Output = Result<Outcome, SessionEnded>> {
        let (sender, outcome) = oneshot::channel();
        // The order is queued before the future has to store it. One that has to wait is boxed, which is rare.
        let unqueued = match self.orders.try_send((publication, sender)) {
            Ok(()) => None,
            Err(TrySendError::Full(order) | TrySendError::Closed(order)) => Some(Box::new(order)),
        };
        async move {
            if let Some(order) = unqueued {
                Box::pin(self.orders.send(*order)).await.map_err(|_| SessionEnded)?;
            }
            outcome.await.map_err(|_| SessionEnded)
        }
    }
}

/// Opens a channel whose messages the broker confirms.
pub(crate) async fn channel(connection: &Connection) -> Result<Channel, OperationError> {
    let channel = connection.channel().await?;
    bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// The task that publishes.
struct PublishTask {
    connection: Arc<Connection>,
    lifeline: Arc<Lifeline>,
    inbox: mpsc::Receiver<Order>,
    window: usize,
}

impl PublishTask {
    /// Publishes for as long as the session lasts.
    async fn run(mut self, mut channel: Channel) {
        let lifeline = Arc::clone(&self.lifeline);
        loop {
            let Some(failure) = lifeline.while_alive(self.publish_on(channel)).await else { return };
            if !failure.is_refusal() || failure.is_not_found() {
                // The exchange is missing, and with it every binding: everything has to be declared again.
                return lifeline.fail(failure.reason());
            }
            tracing::warn!("the broker closed the channel for publishing ({}); opening another", failure.reason());
            channel = match lifeline.while_alive(self.next_channel()).await {
                Some(Ok(channel)) => channel,
                Some(Err(failure)) => return lifeline.fail(failure.reason()),
                None => return,
            };
        }
    }

    /// Opens another channel. Waits for one while the connection has as many as it may.
    async fn next_channel(&self) -> Result<Channel, OperationError> {
        let mut backoff = Backoff::new();
        loop {
            match channel(&self.connection).await {
                Err(OperationError::ChannelLimit(_)) => sleep(backoff.delay()).await,
                opened => return opened,
            }
        }
    }

    /// Publishes until the channel breaks.
    async fn publish_on(&mut self, channel: Channel) -> OperationError {
        let Self { connection, inbox, window, .. } = self;
        let mut channel = Arc::new(channel);
        let mut unconfirmed = connection.waking(PendingConfirms::new());
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let failure = loop {
            let blocked = connection.is_blocked();
            let settled = select! {
                biased;
                Some(settled) = unconfirmed.next() => settled,
                order = inbox.recv(), if !blocked && unconfirmed.stream().len() < *window => match order {
                    Some(order) => {
                        let orders = std::iter::once(order).chain(std::iter::from_fn(|| inbox.try_recv().ok()));
                        begin(unconfirmed.stream_mut(), orders, &channel, *window);
                        continue;
                    }
                    // The session is gone, and this task with it.
                    None => std::future::pending().await,
                },
                _ = checks.tick(), if blocked || unconfirmed.stream().len() > 1 => {
                    unconfirmed.stream_mut().collect_early();
                    continue;
                }
            };
            connection.hear();
            let refused_on = settled.refused_on();
            if let Err(failure) = settle(settled, None) {
                break failure;
            }
            if refused_on == Some(channel.id()) {
                // The messages on the old channel keep it until they are confirmed.
                channel = match self::channel(connection).await {
                    Ok(channel) => Arc::new(channel),
                    // The old one still serves the other queues.
                    Err(OperationError::ChannelLimit(_)) => continue,
                    Err(failure) => break failure,
                };
            }
        };
        // Everything that breaks with the channel breaks for the same reason, whatever lapin says of each message.
        let rest = async {
            while let Some(settled) = unconfirmed.next().await {
                let _ = settle(settled, Some(&failure));
            }
        };
        match timeout(SETTLE_TIMEOUT, rest).await {
            Ok(()) => failure,
            Err(_) => OperationError::Silent,
        }
    }
}

/// A publication that the broker has reported on.
struct Settled {
    outcome: oneshot::Sender<Outcome>,
    channel: ChannelId,
    confirmation: lapin::Result<Confirmation>,
}

/// Publishes orders whose publishers still wait, in order, while there is room in the window.
fn begin(
    unconfirmed: &mut PendingConfirms<Settled>,
    mut orders: impl Iterator<Item = Order>,
    channel: &Arc<Channel>,
    window: usize,
) {
    while unconfirmed.len() < window
        && let Some((publication, outcome)) = orders.next()
    {
        if !outcome.is_closed() {
            unconfirmed.begin(send(Arc::clone(channel), publication, outcome));
        }
    }
}

impl Settled {
    /// The channel on which the broker refused the message, if it did.
    fn refused_on(&self) -> Option<ChannelId> {
        matches!(self.confirmation, Ok(Confirmation::Nack(_))).then_some(self.channel)
    }
}

/// Publishes a message, and returns once the broker has reported on it.
async fn send(channel: Arc<Channel>, publication: Publication, outcome: oneshot::Sender<Outcome>) -> Settled {
    let Publication { exchange, routing_key, mandatory, body, properties } = publication;
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let confirmation = match channel.basic_publish(exchange, routing_key, options, &body, properties).await {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    Settled { outcome, channel: channel.id(), confirmation }
}

/// Reports the outcome of a publication. On a channel that has broken, the failure is the channel's.
fn settle(settled: Settled, broken: Option<&OperationError>) -> Result<(), OperationError> {
    let Settled { outcome, confirmation, .. } = settled;
    let (reported, result) = match confirmation {
        Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => (Outcome::Confirmed, Ok(())),
        Ok(Confirmation::Ack(Some(_))) => (Outcome::Returned, Ok(())),
        Ok(Confirmation::Nack(_)) => (Outcome::Refused, Ok(())),
        Err(error) => {
            let failure = broken.cloned().unwrap_or(OperationError::Lapin(error));
            (Outcome::Interrupted(failure.clone()), Err(failure))
        }
    };
    // The publisher no longer waits once its deadline has passed.
    let _ = outcome.send(reported);
    result
}
