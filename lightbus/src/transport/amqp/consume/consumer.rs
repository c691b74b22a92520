//! Consumes one queue, across reconnects, closed channels and deleted queues.
//!
//! One task for each queue does all of it, from the first declaration on. So a queue is consumed once, even if a reconnect
//! happens while it is being registered.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::select;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::connection::availability::{Availability, SessionPart};
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::consume::acks::Acks;
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::consume::settle::ConsumeChannel;
use crate::transport::amqp::consume::status::ConsumerStatus;
pub(crate) use crate::transport::amqp::consume::work::Work;
use crate::transport::amqp::errors::{ConsumerCancelled, OPERATION_TIMEOUT, OperationError, bounded};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::repeat_log::RepeatLog;
use crate::transport::amqp::topology::declare::DeclareError;

/// How many deliveries are handed over before acknowledgements leave and the end of the consuming is checked.
const AT_ONCE: usize = 32;

/// How long a failure may take to arrive once the session is lost. It may be the reason for the loss.
const GRACE: Duration = Duration::from_millis(200);

/// The task that consumes one queue.
pub(crate) struct ConsumeTask {
    pub(crate) work: Work,
    pub(crate) sides: watch::Receiver<Availability<ConsumeSide>>,
    /// Ends the task.
    pub(crate) stop: CancellationToken,
    /// Receives the first result. A failure other than the loss of the connection ends the task.
    pub(crate) first: oneshot::Sender<Result<(), Error>>,
    pub(crate) status: watch::Sender<ConsumerStatus>,
}

/// Why the deliveries ended.
enum End {
    Stopped,
    Lost,
    Cancelled(ConsumerCancelled),
}

/// Why a queue is not consumed for a while.
enum ConsumeError {
    Cancelled(ConsumerCancelled),
    Failed(Error),
}

impl ConsumeTask {
    pub(crate) async fn run(self) {
        let Self { work, mut sides, stop, first, status } = self;
        let mut first = Some(first);
        let (mut backoff, mut log) = (Backoff::new(), RepeatLog::default());
        loop {
            let Some(Some(side)) = stop.run_until_cancelled(Availability::next(&mut sides)).await else { return };
            let (begun, generation) = (Instant::now(), side.lifeline().generation);
            let problem = match stop.run_until_cancelled(start_while_alive(&work, &side)).await {
                None => return,
                Some(None) => continue,
                Some(Some(Ok((source, deliveries)))) => {
                    status.send_replace(ConsumerStatus::consuming(generation));
                    let wanted = first.take().is_none_or(|first| first.send(Ok(())).is_ok());
                    let end = if wanted { deliver(&work, &source, deliveries, &stop).await } else { End::Stopped };
                    status.send_modify(|status| status.consuming = false);
                    match end {
                        End::Stopped => return,
                        End::Lost => continue,
                        End::Cancelled(why) => ConsumeError::Cancelled(why),
                    }
                }
                Some(Some(Err(refused))) => {
                    if stop.run_until_cancelled(examine(&side, refused.failure())).await.is_none() {
                        return;
                    }
                    // A limit fails this consumer, even if the broker closes the connection over it.
                    if side.lifeline().is_lost() && !refused.failure().is_limit() {
                        continue;
                    }
                    let error = refused.into_error();
                    status.send_replace(ConsumerStatus::failed(generation, &error.to_string()));
                    match first.take() {
                        Some(first) => {
                            // The caller may have stopped waiting. The task ends either way.
                            let _ = first.send(Err(error));
                            return;
                        }
                        None => ConsumeError::Failed(error),
                    }
                }
            };
            if let ConsumeError::Cancelled(_) = problem {
                backoff.succeeded_for(begun.elapsed());
                log = RepeatLog::default();
            }
            problem.log(&work, &mut log);
            let pause = stop.run_until_cancelled(side.lifeline().while_alive(sleep(backoff.delay())));
            if pause.await.is_none() {
                return;
            }
        }
    }
}

impl ConsumeError {
    fn log(&self, work: &Work, log: &mut RepeatLog) {
        let operation = work.operation();
        match self {
            Self::Cancelled(ConsumerCancelled { reason, advice }) => {
                tracing::warn!("the broker does not {operation} any more: {reason}. {advice}. Trying again");
            }
            Self::Failed(error) => {
                let subject = format!("the broker does not {operation} at the moment, so nothing of it is received");
                if let Some(line) = log.line(&subject, format!("{error:#}. Trying again")) {
                    tracing::error!("{line}");
                }
            }
        }
    }
}

/// Finds out whether the session has failed or only this queue. A quorum queue without a leader, as after a crash of the
/// broker, leaves operations without an answer. Calls and other queues must not suffer from that.
async fn examine(side: &ConsumeSide, failure: &OperationError) {
    if failure.is_silence()
        && let Ok(connection) = side.connection().await
        && connection.responds().await
    {
        return;
    }
    side.lifeline().judge(failure);
}

type Started = (Arc<ConsumeChannel>, WakingStream<Consumer>);

/// Starts to consume. Returns `None` if the session is lost meanwhile for another reason.
async fn start_while_alive(work: &Work, side: &Arc<ConsumeSide>) -> Option<Result<Started, DeclareError>> {
    let lost = async {
        side.lifeline().lost().await;
        sleep(GRACE).await;
    };
    select! {
        biased;
        started = start(work, side) => Some(started),
        () = lost => None,
    }
}

async fn start(work: &Work, side: &Arc<ConsumeSide>) -> Result<Started, DeclareError> {
    let queue = work.queue(side.topology());
    let refused =
        |failure| DeclareError::new(failure, format!("consume the queue {queue}"), format!("the queue {queue}"));
    let connection = side.connection().await.map_err(refused)?;
    work.declare(side, &connection.connection).await?;
    let channel = side.open_channel(&connection).await.map_err(refused)?;
    match consume(&channel, work, &side.identity.process, &queue).await {
        Ok(consumer) => {
            let deliveries = connection.connection.waking(consumer);
            let (side, acks) = (Arc::clone(side), Mutex::new(Acks::new(work.prefetch())));
            Ok((Arc::new(ConsumeChannel { side, connection, channel, queue, acks }), deliveries))
        }
        Err(failure) => {
            // The broker may still process the operation that was given up, and would deliver to nobody.
            channel.release().await;
            Err(refused(failure))
        }
    }
}

async fn consume(channel: &Channel, work: &Work, process: &str, queue: &str) -> Result<Consumer, OperationError> {
    bounded(channel.basic_qos(work.prefetch(), BasicQosOptions::default())).await?;
    let (tag, options) = (short(process), BasicConsumeOptions::default());
    bounded(channel.basic_consume(short(queue), tag, options, FieldTable::default())).await
}

/// Hands deliveries over. It awaits nothing but the next delivery.
async fn deliver(
    work: &Work,
    source: &Arc<ConsumeChannel>,
    mut deliveries: WakingStream<Consumer>,
    stop: &CancellationToken,
) -> End {
    let mut end = pin!(async {
        select! {
            biased;
            () = stop.cancelled() => End::Stopped,
            () = source.side.lifeline().lost() => End::Lost,
        }
    });
    let mut handed_over = 0;
    loop {
        // Checking for the end costs as much as handing a delivery over, so it is not done for each.
        let arrived = if handed_over < AT_ONCE { deliveries.next_at_hand().await } else { None };
        let next = match arrived {
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
                    source.connection.connection.hear();
                    source.promise_acks();
                }
                handed_over += 1;
                work.hand_over(source, delivery);
            }
            ended => return cancelled(source, ended.and_then(Result::err)),
        }
    }
    stop_consuming(work, source, deliveries).await;
    End::Stopped
}

/// Lapin also ends the deliveries of a lost connection.
fn cancelled(source: &ConsumeChannel, error: Option<lapin::Error>) -> End {
    let cancelled = ConsumerCancelled::new(error.as_ref());
    if source.connection.connection.is_connected() {
        End::Cancelled(cancelled)
    } else {
        source.side.lifeline().fail(cancelled.reason);
        End::Lost
    }
}

/// Cancels the consumer, and requeues the deliveries that were sent ahead.
async fn stop_consuming(work: &Work, source: &Arc<ConsumeChannel>, mut deliveries: WakingStream<Consumer>) {
    let tag = deliveries.stream().tag();
    let _ = bounded(source.channel.basic_cancel(tag, BasicCancelOptions::default())).await;
    let ahead = async {
        while let Some(Ok(delivery)) = deliveries.next().await {
            work.requeue(source, delivery);
        }
    };
    // The deliveries end once the broker has confirmed. Otherwise they are requeued with the connection.
    let _ = timeout(OPERATION_TIMEOUT, ahead).await;
}
