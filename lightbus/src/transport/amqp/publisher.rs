//! Publishes with the broker's confirms.
//!
//! One task owns the channel and polls each publication once, in order: lapin takes a message's number in one step and
//! queues its frames in another, so that two tasks on one channel could each get the other's confirm. It also lets many
//! messages share one write and one confirm.
//!
//! When the broker refuses a message, the next ones leave on another channel. A channel finds the leader of a quorum queue
//! when it publishes to it for the first time; if that leader's node has just gone down, RabbitMQ (3.10 at least) goes on
//! asking that node for as long as the channel lives, and refuses everything that leads to that queue.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::BasicPublishOptions;
use lapin::types::{ChannelId, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::select;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::errors::Failure;
use super::session::Session;

/// How many messages wait to be published before those who publish have to wait.
const QUEUED: usize = 256;

/// How long a channel that broke may take to tell what became of its messages.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// What is published.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    /// Whether it must reach a queue.
    pub(super) mandatory: bool,
    pub(super) body: Bytes,
    pub(super) properties: BasicProperties,
}

/// What became of a publication.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The broker has it safe.
    Confirmed,
    /// It had to reach a queue and there was none.
    Returned,
    /// The broker does not take it.
    Refused,
    /// Its channel was closed, because of this publication or of another one.
    Interrupted(Failure),
}

/// The session has ended, and what became of the publication is not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone;

type Order = (Publication, oneshot::Sender<Outcome>);
pub(super) type Inbox = mpsc::Receiver<Order>;

/// Where publications are handed in.
#[derive(Debug)]
pub(super) struct Publisher {
    outbox: mpsc::Sender<Order>,
}

impl Publisher {
    pub(super) fn new() -> (Self, Inbox) {
        let (outbox, inbox) = mpsc::channel(QUEUED);
        (Self { outbox }, inbox)
    }

    /// Publishes, and returns when the broker has said what becomes of it.
    pub(super) async fn publish(&self, publication: Publication) -> Result<Outcome, Gone> {
        let (sender, outcome) = oneshot::channel();
        self.outbox.send((publication, sender)).await.map_err(|_| Gone)?;
        outcome.await.map_err(|_| Gone)
    }
}

/// Publishes what is handed in for as long as the session lasts, at most `window` messages at a time unconfirmed.
///
/// With a window of one, a message that was returned is the one just published. With a larger one, lapin attaches it to
/// whichever confirm comes next; so nothing mandatory goes through such a publisher.
pub(super) async fn run(session: Arc<Session>, mut channel: Channel, mut inbox: Inbox, window: usize) {
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

/// A message that the broker has said something of.
struct Settled {
    outcome: oneshot::Sender<Outcome>,
    confirmation: lapin::Result<Confirmation>,
    channel: ChannelId,
}

/// Publishes until a channel breaks.
async fn pump(session: &Session, channel: Channel, inbox: &mut Inbox, window: usize) -> Failure {
    let mut channel = Arc::new(channel);
    let mut waiting = FuturesUnordered::new();
    let failure = loop {
        let settled = select! {
            biased;
            Some(settled) = waiting.next() => {
                session.publishing.hear();
                settled
            }
            order = inbox.recv(), if waiting.len() < window => match order {
                Some((_, outcome)) if outcome.is_closed() => continue,
                Some((publication, outcome)) => {
                    let mut sent = Box::pin(send(Arc::clone(&channel), publication, outcome));
                    match poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))).await {
                        Poll::Ready(settled) => settled,
                        Poll::Pending => {
                            waiting.push(sent);
                            continue;
                        }
                    }
                }
                // The session is gone with its publisher, and this task with it.
                None => std::future::pending().await,
            },
        };
        let refused_on = settled.refused_on();
        if let Err(failure) = settle(settled) {
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
    let rest = async { while waiting.next().await.map(settle).is_some() {} };
    // Those that are still not settled then count as lost with the session.
    let _ = timeout(SETTLE_TIMEOUT, rest).await;
    failure
}

impl Settled {
    /// The channel on which the broker refused the message, if it did.
    fn refused_on(&self) -> Option<ChannelId> {
        matches!(self.confirmation, Ok(Confirmation::Nack(_))).then_some(self.channel)
    }
}

async fn send(channel: Arc<Channel>, publication: Publication, outcome: oneshot::Sender<Outcome>) -> Settled {
    let Publication { exchange, routing_key, mandatory, body, properties } = publication;
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let confirmation = match channel.basic_publish(exchange, routing_key, options, &body, properties).await {
        Ok(confirmation) => confirmation.await,
        Err(error) => Err(error),
    };
    Settled { outcome, confirmation, channel: channel.id() }
}

/// Tells whoever published. Nobody listens any more once the deadline has passed.
fn settle(Settled { outcome, confirmation, .. }: Settled) -> Result<(), Failure> {
    let (told, result) = match confirmation {
        Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => (Outcome::Confirmed, Ok(())),
        Ok(Confirmation::Ack(Some(_))) => (Outcome::Returned, Ok(())),
        Ok(Confirmation::Nack(_)) => (Outcome::Refused, Ok(())),
        Err(error) => {
            let failure = Failure::Lapin(error);
            (Outcome::Interrupted(failure.clone()), Err(failure))
        }
    };
    let _ = outcome.send(told);
    result
}
