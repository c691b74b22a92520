//! Consumes one queue for as long as the process wants it, whatever becomes of connections, channels and queues.
//!
//! One task a queue does all of it, from the first declaration on. So a registration that meets a reconnect is consumed
//! once: there is nobody else who could do it too.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::select;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::connection::{Connection, release};
use crate::transport::amqp::consume::acks::Acks;
use crate::transport::amqp::consume::settle::{self, ConsumeChannel};
use crate::transport::amqp::consume::status::ConsumerStatus;
use crate::transport::amqp::errors::{ConsumerCancelled, OPERATION_TIMEOUT, OperationError, bounded};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::state::State;
use crate::transport::amqp::topology::Topology;
use crate::transport::amqp::topology::declare::{self, DeclareError};
use crate::transport::{EventSink, RequestDelivery, RequestSink, Subscription};

/// How many deliveries may be handed over before what is due is acknowledged, and it is looked whether the consuming ends.
const AT_ONCE: usize = 32;

/// What a queue is consumed for.
#[derive(Debug)]
pub(crate) enum Consumed {
    Requests { api: &'static str, prefetch: u16, sink: Arc<dyn RequestSink> },
    Events { subscription: Arc<Subscription>, sink: Arc<dyn EventSink> },
}

impl Consumed {
    /// Completes "the broker could not …".
    pub(crate) fn operation(&self) -> String {
        match self {
            Self::Requests { api, .. } => format!("let this process serve {api}"),
            Self::Events { subscription, .. } => {
                format!("let this process take the subscription {:?}", subscription.name)
            }
        }
    }

    fn queue(&self, topology: &Topology) -> String {
        match self {
            Self::Requests { api, .. } => topology.rpc_queue(api),
            Self::Events { subscription, .. } => topology.subscription_queue(&subscription.service, &subscription.name),
        }
    }

    fn prefetch(&self) -> u16 {
        match self {
            Self::Requests { prefetch, .. } => *prefetch,
            Self::Events { subscription, .. } => subscription.prefetch,
        }
    }

    async fn declare(&self, connection: &Connection, topology: &Topology) -> Result<(), DeclareError> {
        match self {
            Self::Requests { api, .. } => declare::rpc_queue(connection, topology, api).await,
            Self::Events { subscription, .. } => declare::subscription(connection, topology, subscription).await,
        }
    }
}

/// The task that consumes one queue.
pub(crate) struct ConsumeTask {
    pub(crate) work: Consumed,
    pub(crate) state: watch::Receiver<State>,
    /// Ends it.
    pub(crate) stop: CancellationToken,
    /// Is told the first result. A failure that is no loss of the connection ends the task, too.
    pub(crate) first: oneshot::Sender<Result<(), Error>>,
    pub(crate) progress: watch::Sender<ConsumerStatus>,
}

/// Why the deliveries ended.
enum End {
    Stopped,
    Lost,
    Interrupted(ConsumerCancelled),
}

impl ConsumeTask {
    pub(crate) async fn run(self) {
        let Self { work, mut state, stop, first, progress } = self;
        let mut first = Some(first);
        let mut backoff = Backoff::new();
        loop {
            let Some(Some(session)) = stop.run_until_cancelled(State::session(&mut state)).await else { return };
            let begun = Instant::now();
            let started = stop.run_until_cancelled(session.while_alive(start(&work, &session))).await;
            let trouble = match started {
                None => return,
                Some(None) => continue,
                Some(Some(Ok((source, deliveries)))) => {
                    progress.send_replace(ConsumerStatus { tried: session.generation, consuming: true });
                    let wanted = first.take().is_none_or(|first| first.send(Ok(())).is_ok());
                    let end = if wanted { deliver(&work, &source, deliveries, &stop).await } else { End::Stopped };
                    progress.send_modify(|progress| progress.consuming = false);
                    match end {
                        End::Stopped => return,
                        End::Lost => continue,
                        End::Interrupted(why) => ConsumeError::Interrupted(why),
                    }
                }
                Some(Some(Err(refused))) => {
                    if stop.run_until_cancelled(examine(&session, refused.failure())).await.is_none() {
                        return;
                    }
                    if session.is_lost() {
                        continue;
                    }
                    progress.send_replace(ConsumerStatus { tried: session.generation, consuming: false });
                    let error = refused.into_error();
                    match first.take() {
                        Some(first) => {
                            // Whoever registered may have stopped waiting; the task ends either way.
                            let _ = first.send(Err(error));
                            return;
                        }
                        None => ConsumeError::Refused(error),
                    }
                }
            };
            if let ConsumeError::Interrupted(_) = trouble {
                backoff.succeeded_for(begun.elapsed());
            }
            let delay = backoff.delay();
            trouble.log(&work, delay);
            let pause = stop.run_until_cancelled(session.while_alive(sleep(delay)));
            if pause.await.is_none() {
                return;
            }
        }
    }
}

enum ConsumeError {
    Interrupted(ConsumerCancelled),
    Refused(Error),
}

impl ConsumeError {
    fn log(&self, work: &Consumed, delay: Duration) {
        let operation = work.operation();
        match self {
            Self::Interrupted(ConsumerCancelled { reason, advice }) => tracing::warn!(
                "the broker does not {operation} any more: {reason}. {advice}. Beginning anew in {delay:?}"
            ),
            Self::Refused(error) => tracing::error!(
                "the broker does not {operation} at the moment, so nothing of it is received: {error:#}. Trying again in {delay:?}"
            ),
        }
    }
}

/// Finds out whether the session has failed or the queue alone. A quorum queue without a leader, as after a crash of the
/// broker, leaves whoever asks without an answer; calls and other queues need not suffer from that.
async fn examine(session: &Session, failure: &OperationError) {
    if failure.is_silence()
        && let Ok(consuming) = session.consuming().await
        && consuming.connection.responds().await
    {
        return;
    }
    session.judge(failure);
}

async fn start(
    work: &Consumed,
    session: &Arc<Session>,
) -> Result<(Arc<ConsumeChannel>, WakingStream<Consumer>), DeclareError> {
    let queue = work.queue(&session.plan.topology);
    let refused =
        |failure| DeclareError::new(failure, format!("consume the queue {queue}"), format!("the queue {queue}"));
    let consuming = session.consuming().await.map_err(refused)?;
    work.declare(&consuming.connection, &session.plan.topology).await?;
    let channel = consuming.connection.channel().await.map_err(refused)?;
    match consume(&channel, work, session, &queue).await {
        Ok(consumer) => {
            let deliveries = consuming.connection.waking(consumer);
            let session = Arc::clone(session);
            let acks = Mutex::new(Acks::new(work.prefetch()));
            Ok((Arc::new(ConsumeChannel { session, consuming, channel, queue, acks }), deliveries))
        }
        Err(failure) => {
            // The broker may still answer a request that was given up, and would then send what nobody takes.
            release(channel).await;
            Err(refused(failure))
        }
    }
}

async fn consume(
    channel: &Channel,
    work: &Consumed,
    session: &Session,
    queue: &str,
) -> Result<Consumer, OperationError> {
    bounded(channel.basic_qos(work.prefetch(), BasicQosOptions::default())).await?;
    let (tag, options) = (short(&*session.plan.process), BasicConsumeOptions::default());
    bounded(channel.basic_consume(short(queue), tag, options, FieldTable::default())).await
}

/// Hands over what arrives. Nothing is awaited but the next delivery.
async fn deliver(
    work: &Consumed,
    source: &Arc<ConsumeChannel>,
    mut deliveries: WakingStream<Consumer>,
    stop: &CancellationToken,
) -> End {
    let mut end = pin!(async {
        select! {
            biased;
            () = stop.cancelled() => End::Stopped,
            () = source.session.lost() => End::Lost,
        }
    });
    let mut handed_over = 0;
    loop {
        // To look whether it ends costs as much as to hand a delivery over, so it is not done for each.
        let here = if handed_over < AT_ONCE { deliveries.next_at_hand().await } else { None };
        let next = match here {
            Some(next) => next,
            None => {
                if std::mem::take(&mut handed_over) > 0 {
                    Arc::clone(source).ack_soon().await;
                }
                select! {
                    biased;
                    end = &mut end => match end {
                        End::Stopped => break,
                        end => return end,
                    },
                    next = deliveries.next() => next,
                }
            }
        };
        match next {
            Some(Ok(delivery)) => {
                if handed_over == 0 {
                    source.consuming.connection.hear();
                    source.promise_acks();
                }
                handed_over += 1;
                hand_over(work, source, delivery);
            }
            ended => return interruption(source, ended.and_then(Result::err)),
        }
    }
    give_up(work, source, deliveries).await;
    End::Stopped
}

fn hand_over(work: &Consumed, source: &Arc<ConsumeChannel>, delivery: Delivery) {
    match work {
        Consumed::Requests { api, sink, .. } => sink.deliver(settle::request(source, api, delivery)),
        Consumed::Events { subscription, sink } => sink.deliver(settle::event(source, subscription, delivery)),
    }
}

/// Lapin ends the deliveries of a lost connection, too.
fn interruption(source: &ConsumeChannel, error: Option<lapin::Error>) -> End {
    let interruption = ConsumerCancelled::new(error.as_ref());
    if source.consuming.connection.is_connected() {
        End::Interrupted(interruption)
    } else {
        source.session.fail(interruption.reason);
        End::Lost
    }
}

/// Ends the consuming, and gives back what the broker had sent ahead.
async fn give_up(work: &Consumed, source: &Arc<ConsumeChannel>, mut deliveries: WakingStream<Consumer>) {
    cancel(&source.channel, deliveries.stream()).await;
    let ahead = async {
        while let Some(Ok(delivery)) = deliveries.next().await {
            match work {
                // As a fresh copy: put back, it would look as if it might have been run.
                Consumed::Requests { api, .. } => {
                    let RequestDelivery { request, handle, .. } = settle::request(source, api, delivery);
                    handle.requeue(request.payload);
                }
                Consumed::Events { subscription, .. } => drop(settle::event(source, subscription, delivery)),
            }
        }
    };
    // The deliveries end once the broker has confirmed; without it, they go back with the connection.
    let _ = timeout(OPERATION_TIMEOUT, ahead).await;
}

async fn cancel(channel: &Channel, consumer: &Consumer) {
    let _ = bounded(channel.basic_cancel(consumer.tag(), BasicCancelOptions::default())).await;
}
