//! Asks one question.
//!
//! A question has a channel of its own. The broker closes it if the user may not ask, and whatever arrives there disturbs no
//! call.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Confirmation, Consumer};
use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::TaskTracker;

use crate::error::Error;
use crate::protocol::message::{LONGEST_WAIT, Request};
use crate::transport::amqp::connection::availability::{Availability, SessionPart};
use crate::transport::amqp::connection::release;
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::control::process_of;
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::message::properties::{REPLY_TO, of_request, short, to_reply};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::confirm_publisher::channel;
use crate::transport::control::{ANSWERS_AT_ONCE, Answer, Audience};

/// Sends a question, and forwards the answers until its deadline. Returns `None` if nobody got it.
pub(crate) async fn ask(
    ready: &watch::Sender<Availability<PublishSide>>,
    tasks: &TaskTracker,
    audience: &Audience,
    question: Request,
) -> Result<Option<mpsc::Receiver<Answer>>, Error> {
    let deadline = question.deadline.unwrap_or_else(|| Instant::now() + LONGEST_WAIT);
    let late = |reason: &str| Error::Broker { operation: operation(audience), reason: reason.to_owned() };
    let next = timeout_at(deadline, Availability::next(&mut ready.subscribe())).await;
    let side = next.map_err(|_| late("there was no connection in time"))?.ok_or(Error::Closed)?;
    let opened = timeout_at(deadline, open(&side)).await.map_err(|_| late("it did not answer in time"))?;
    let (channel, arrivals) = opened.map_err(|failure| failure.into_error(operation(audience)))?;
    let id = question.id.clone();
    let sent = timeout_at(deadline, send(&channel, &side, audience, &question)).await;
    if let Ok(Ok(true)) = sent {
        let (answers, receiver) = mpsc::channel(ANSWERS_AT_ONCE);
        tasks.spawn(async move {
            let forwarding = forward(&id, arrivals, &answers);
            select! {
                _ = side.lifeline().while_alive(forwarding) => {}
                () = answers.closed() => {}
                () = sleep_until(deadline) => {}
            }
            release(channel).await;
        });
        return Ok(Some(receiver));
    }
    release(channel).await;
    match sent {
        Ok(Ok(_)) => Ok(None),
        // Nobody has ever declared the exchange.
        Ok(Err(failure)) if failure.is_not_found() => Ok(None),
        Ok(Err(failure)) => Err(failure.into_error(operation(audience))),
        Err(_) => Err(late("it did not answer in time")),
    }
}

fn operation(audience: &Audience) -> String {
    match audience {
        Audience::Everyone => "ask all processes".to_owned(),
        Audience::Service(service) => format!("ask the processes of {service}"),
        Audience::Process(process) => format!("ask the process {process}"),
    }
}

/// Opens the channel, and receives answers on it.
async fn open(side: &PublishSide) -> Result<(Channel, WakingStream<Consumer>), OperationError> {
    if side.connection.is_blocked() {
        return Err(OperationError::Blocked);
    }
    let channel = channel(&side.connection).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(short(REPLY_TO), ShortString::default(), options, FieldTable::default());
    match bounded(consumer).await {
        Ok(consumer) => Ok((channel, side.connection.waking(consumer))),
        Err(failure) => {
            release(channel).await;
            Err(failure)
        }
    }
}

/// Sends the question. Returns `false` if no queue got it.
async fn send(
    channel: &Channel,
    side: &PublishSide,
    audience: &Audience,
    question: &Request,
) -> Result<bool, OperationError> {
    let (exchange, key) = (short(side.topology.control()), short(audience.key()));
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (body, properties) = (&question.payload.bytes, of_request(question, Instant::now()));
    let confirm = bounded(channel.basic_publish(exchange, key, options, body, properties)).await?;
    // Lapin attaches a returned message to its confirm.
    Ok(!matches!(bounded(confirm).await?, Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))))
}

async fn forward(id: &str, mut arrivals: WakingStream<Consumer>, answers: &mpsc::Sender<Answer>) {
    while let Some(Ok(delivery)) = arrivals.next().await {
        let arrived = Instant::now();
        let process = process_of(&delivery.properties).into();
        let (answered, reply) = to_reply(&delivery.properties, Bytes::from(delivery.data));
        if answered == id && answers.send(Answer { process, reply, arrived }).await.is_err() {
            return;
        }
    }
}

/// Counts the consumers of a queue. Returns `None` if the broker does not say.
pub(crate) async fn consumers(ready: &watch::Sender<Availability<PublishSide>>, queue: &str) -> Option<u32> {
    let side: Arc<PublishSide> = ready.borrow().current().cloned()?;
    side.calls.consumers(queue).await
}
