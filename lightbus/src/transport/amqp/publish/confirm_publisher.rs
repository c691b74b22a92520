//! Publishes with the broker's confirms.
//!
//! One task owns the channel and polls each publication once, in order: lapin takes a message's number in one step and
//! queues its frames in another, so that two tasks on one channel could each get the other's confirm. It also lets many
//! messages share one write and one confirm. Confirms are taken in the order of their messages
//! ([`unconfirmed`](crate::transport::amqp::publish::pending_confirms)).
//!
//! When the broker refuses a message, the next ones leave on another channel. A channel finds the leader of a quorum queue
//! when it publishes to it for the first time; if that leader's node has just gone down, RabbitMQ (3.10 at least) goes on
//! asking that node for as long as the channel lives, and refuses everything that leads to that queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::BasicPublishOptions;
use lapin::types::{ChannelId, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::select;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::publish::pending_confirms::PendingConfirms;
use crate::transport::amqp::session::Session;

/// How many messages wait to be published before those who publish have to wait.
const QUEUED: usize = 256;

/// How often it is looked for confirms that came before their turn.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How long a channel that broke may take to tell what became of its messages.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// What is published.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    /// Whether it must reach a queue.
    pub(crate) mandatory: bool,
    pub(crate) body: Bytes,
    pub(crate) properties: BasicProperties,
}

/// What became of a publication.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The broker has it safe.
    Confirmed,
    /// It had to reach a queue and there was none.
    Returned,
    /// The broker does not take it.
    Refused,
    /// Its channel was closed, because of this publication or of another one.
    Interrupted(OperationError),
}

/// The session has ended, and what became of the publication is not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gone;

type Order = (Publication, oneshot::Sender<Outcome>);
pub(crate) type Inbox = mpsc::Receiver<Order>;

/// Where publications are handed in.
#[derive(Debug)]
pub(crate) struct ConfirmPublisher {
    outbox: mpsc::Sender<Order>,
}

impl ConfirmPublisher {
    pub(crate) fn new() -> (Self, Inbox) {
        let (outbox, inbox) = mpsc::channel(QUEUED);
        (Self { outbox }, inbox)
    }

    /// Publishes, and returns when the broker has said what becomes of it.
    pub(crate) fn publish(&self, publication: Publication) -> impl Future<Output = Result<Outcome, Gone>> {
        let (sender, outcome) = oneshot::channel();
        // It is handed in before it would have to be stored, and boxed where it cannot be: few events are.
        let unqueued = match self.outbox.try_send((publication, sender)) {
            Ok(()) => None,
            Err(TrySendError::Full(order) | TrySendError::Closed(order)) => Some(Box::new(order)),
        };
        async move {
            if let Some(order) = unqueued {
                Box::pin(self.outbox.send(*order)).await.map_err(|_| Gone)?;
            }
            outcome.await.map_err(|_| Gone)
        }
    }
}

/// Publishes what is handed in for as long as the session lasts, at most `window` messages at a time unconfirmed.
///
/// With a window of one, a message that was returned is the one just published. With a larger one, lapin attaches it to
/// whichever confirm comes next; so nothing mandatory goes through such a publisher.
pub(crate) async fn run(session: Arc<Session>, mut channel: Channel, mut inbox: Inbox, window: usize) {
    loop {
        let Some(failure) = session.while_alive(pump(&session, channel, &mut inbox, window)).await else { return };
        if !failure.is_refusal() || failure.is_not_found() {
            // What is missing is the exchange, and with it every binding: all of it has to be declared anew.
            return session.fail(failure.reason());
        }
        tracing::warn!("the broker closed the channel for publishing ({}); opening another", failure.reason());
        channel = match session.while_alive(session.confirming_channel()).await {
            Some(Ok(channel)) => channel,
            Some(Err(failure)) => return session.fail(failure.reason()),
            None => return,
        };
    }
}

/// A publication that the broker has said something of.
struct Settled {
    outcome: oneshot::Sender<Outcome>,
    channel: ChannelId,
    confirmation: lapin::Result<Confirmation>,
}

/// Publishes until a channel breaks.
async fn pump(session: &Session, channel: Channel, inbox: &mut Inbox, window: usize) -> OperationError {
    let mut channel = Arc::new(channel);
    let mut waiting = session.publishing.waking(PendingConfirms::new());
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let failure = loop {
        let settled = select! {
            biased;
            Some(settled) = waiting.next() => settled,
            order = inbox.recv(), if waiting.stream().len() < window => match order {
                Some(order) => {
                    let orders = std::iter::once(order).chain(std::iter::from_fn(|| inbox.try_recv().ok()));
                    begin(waiting.stream_mut(), orders, &channel, window);
                    continue;
                }
                // The session is gone with its publisher, and this task with it.
                None => std::future::pending().await,
            },
            _ = looks.tick(), if waiting.stream().len() > 1 => {
                waiting.stream_mut().look();
                continue;
            }
        };
        session.publishing.hear();
        let refused_on = settled.refused_on();
        if let Err(failure) = settle(settled, None) {
            break failure;
        }
        if refused_on == Some(channel.id()) {
            // What waits for its confirm on the channel so far keeps it until then.
            channel = match session.confirming_channel().await {
                Ok(channel) => Arc::new(channel),
                Err(failure) => break failure,
            };
        }
    };
    // All that breaks with the channel breaks for the same reason, whatever lapin says of each: who published waits for
    // another channel or for another session.
    let rest = async {
        while let Some(settled) = waiting.next().await {
            let _ = settle(settled, Some(&failure));
        }
    };
    match timeout(SETTLE_TIMEOUT, rest).await {
        Ok(()) => failure,
        Err(_) => OperationError::Silent,
    }
}

/// Publishes for those who still wait, in the order in which they came, as long as there is room in the window.
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

/// Publishes, and ends when the broker has said what becomes of it.
async fn send(channel: Arc<Channel>, publication: Publication, outcome: oneshot::Sender<Outcome>) -> Settled {
    let Publication { exchange, routing_key, mandatory, body, properties } = publication;
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let confirmation = match channel.basic_publish(exchange, routing_key, options, &body, properties).await {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    Settled { outcome, channel: channel.id(), confirmation }
}

/// Tells what became of a publication. On a channel that has broken, the failure is the channel's.
fn settle(settled: Settled, broken: Option<&OperationError>) -> Result<(), OperationError> {
    let Settled { outcome, confirmation, .. } = settled;
    let (told, result) = match confirmation {
        Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => (Outcome::Confirmed, Ok(())),
        Ok(Confirmation::Ack(Some(_))) => (Outcome::Returned, Ok(())),
        Ok(Confirmation::Nack(_)) => (Outcome::Refused, Ok(())),
        Err(error) => {
            let failure = broken.cloned().unwrap_or(OperationError::Lapin(error));
            (Outcome::Interrupted(failure.clone()), Err(failure))
        }
    };
    // Nobody listens any more once the deadline has passed.
    let _ = outcome.send(told);
    result
}
