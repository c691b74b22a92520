//! Lists and settles dead letters, on a channel of their own. The broker requeues what is not settled with the channel.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::Channel;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::transport::amqp::connection::release;
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::errors::{OPERATION_TIMEOUT, OperationError, bounded};
use crate::transport::amqp::message::failed::{of_replayed_event, to_dead_letter};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::publish::transfer;

/// How long the messages of an inspection may take to be back in their queue.
const REQUEUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often that is checked.
const REQUEUE_INTERVAL: Duration = Duration::from_millis(10);

/// Returns the oldest dead letters, at most `limit`.
///
/// Requeued messages go behind those that were requeued before, so the front of the queue alone does not tell which are the
/// oldest. But all of them come before those that were never delivered, which are in order, and younger. So the reading
/// ends with the first of those.
pub(crate) async fn list(side: &ConsumeSide, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, Error> {
    let mut oldest = BTreeMap::new();
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut inspection = Inspection::open(side, queue).await?;
    while let Some(BasicGetMessage { delivery, .. }) = inspection.next().await? {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        let letter = to_dead_letter(&delivery.properties, delivery.data.into());
        // The ids of one publisher grow with time.
        oldest.insert((letter.failed_at, letter.id.clone(), tag), letter);
        if oldest.len() > limit {
            oldest.pop_last();
        }
        if oldest.len() == limit && !redelivered {
            break;
        }
    }
    inspection.end().await;
    Ok(oldest.into_values().collect())
}

/// Settles dead letters, a replayed one once its copy is persisted, and returns how many.
pub(crate) async fn settle(
    side: &ConsumeSide,
    queue: &str,
    live_queue: &str,
    selection: &Selection,
    action: DeadLetterAction,
) -> Result<u64, Error> {
    let mut inspection = Inspection::open(side, queue).await?;
    let mut settled = 0;
    while let Some(message) = inspection.next().await? {
        let id = message.delivery.properties.message_id().as_ref().map_or("", |id| id.as_str());
        if !selection.matches(id) {
            continue;
        }
        if action == DeadLetterAction::Replay {
            replay(side, live_queue, &message).await?;
        }
        inspection.ack(message.delivery.delivery_tag).await?;
        settled += 1;
        if matches!(selection, Selection::Id(_)) {
            break;
        }
    }
    inspection.end().await;
    Ok(settled)
}

async fn replay(side: &ConsumeSide, queue: &str, message: &BasicGetMessage) -> Result<(), Error> {
    let properties = of_replayed_event(&message.delivery.properties);
    let copied = side.publish.copy_to(queue, properties, message.delivery.data.clone().into());
    match timeout(OPERATION_TIMEOUT, copied).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(transfer::no_such_queue(queue)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(transfer::not_confirmed(queue)),
    }
}

/// Takes messages from a queue, and requeues those that are not settled.
struct Inspection<'a> {
    channel: Channel,
    queue: &'a str,
    /// How many messages of those that were in the queue at the start have not been taken. Later ones are left alone, so that
    /// the inspection ends even while events fail.
    left: Option<u32>,
    /// How many messages are held.
    held: u32,
}

impl<'a> Inspection<'a> {
    async fn open(side: &ConsumeSide, queue: &'a str) -> Result<Self, Error> {
        // The consuming connection works while the broker holds publishers back.
        let opened = async { side.connection().await?.connection.channel().await };
        let channel = opened.await.map_err(|failure| refused(queue, failure))?;
        Ok(Self { channel, queue, left: None, held: 0 })
    }

    /// Takes the next message and holds it until the inspection ends. A queue that does not exist has none.
    async fn next(&mut self) -> Result<Option<BasicGetMessage>, Error> {
        if self.left == Some(0) {
            return Ok(None);
        }
        match bounded(self.channel.basic_get(short(self.queue), BasicGetOptions::default())).await {
            Ok(Some(message)) => {
                self.left = Some(self.left.map_or(message.message_count, |left| left - 1));
                self.held += 1;
                Ok(Some(message))
            }
            Ok(None) => Ok(None),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(refused(self.queue, failure)),
        }
    }

    /// Acknowledges a message.
    async fn ack(&mut self, tag: u64) -> Result<(), Error> {
        let acked = bounded(self.channel.basic_ack(tag, BasicAckOptions::default())).await;
        self.held -= 1;
        acked.map_err(|failure| refused(self.queue, failure))
    }

    /// Requeues the messages that are held, and waits until they are back, so that the next inspection finds them.
    async fn end(self) {
        let everything = BasicNackOptions { multiple: true, requeue: true };
        if self.held > 0 && bounded(self.channel.basic_nack(0, everything)).await.is_ok() {
            // Another process may take some of them, and then they are not waited for.
            let _ = timeout(REQUEUE_TIMEOUT, self.requeued()).await;
        }
        release(self.channel).await;
    }

    /// Waits until the queue has as many messages as before. A quorum queue takes a moment: its members have to agree.
    async fn requeued(&self) {
        let expected = self.left.unwrap_or_default() + self.held;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        while let Ok(queue) =
            bounded(self.channel.queue_declare(short(self.queue), passive, FieldTable::default())).await
            && queue.message_count() < expected
        {
            sleep(REQUEUE_INTERVAL).await;
        }
    }
}

fn refused(queue: &str, failure: OperationError) -> Error {
    failure.into_error(format!("inspect the queue {queue}"))
}
