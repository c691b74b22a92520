//! Looks at dead letters and settles them, on a channel for the purpose. What is not settled goes back to its queue with
//! the channel, whatever happens.

use std::collections::BTreeMap;

use lapin::Channel;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;

use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::transport::amqp::connection::release;
use crate::transport::amqp::errors::{OPERATION_TIMEOUT, OperationError, bounded};
use crate::transport::amqp::message::failed::{of_replayed_event, to_dead_letter};
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::publish::copy;
use crate::transport::amqp::session::Session;

/// The oldest dead letters. All of them are looked at: what is put back goes behind what was put back before, so that the
/// queue alone does not tell which are the oldest.
pub(crate) async fn list(session: &Session, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, Error> {
    let mut look = Observation::open(session, queue).await?;
    let mut oldest = BTreeMap::new();
    while let Some(BasicGetMessage { delivery, .. }) = look.next().await? {
        let letter = to_dead_letter(&delivery.properties, delivery.data.into());
        // Ids of one publisher grow with time.
        oldest.insert((letter.failed_at, letter.id.clone(), delivery.delivery_tag), letter);
        if oldest.len() > limit {
            oldest.pop_last();
        }
    }
    look.end().await;
    Ok(oldest.into_values().collect())
}

/// Settles dead letters, each once it is safe, and returns how many.
pub(crate) async fn settle(
    session: &Session,
    queue: &str,
    subscription_queue: &str,
    selection: &Selection,
    action: DeadLetterAction,
) -> Result<u64, Error> {
    let mut look = Observation::open(session, queue).await?;
    let mut settled = 0;
    while let Some(message) = look.next().await? {
        let id = message.delivery.properties.message_id().as_ref().map_or("", |id| id.as_str());
        if !selection.matches(id) {
            continue;
        }
        if action == DeadLetterAction::Replay {
            replay(session, subscription_queue, &message).await?;
        }
        look.take(message.delivery.delivery_tag).await?;
        settled += 1;
        if matches!(selection, Selection::Id(_)) {
            break;
        }
    }
    look.end().await;
    Ok(settled)
}

async fn replay(session: &Session, queue: &str, message: &BasicGetMessage) -> Result<(), Error> {
    let properties = of_replayed_event(&message.delivery.properties);
    let copied = copy::copy(session, queue, properties, message.delivery.data.clone().into());
    match timeout(OPERATION_TIMEOUT, copied).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(copy::missing(queue)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(copy::silent(queue)),
    }
}

/// A look at a queue.
struct Observation<'a> {
    channel: Channel,
    queue: &'a str,
    /// How many messages were in the queue when it began and have not been taken. What comes later is left alone, so that
    /// a look ends even while events fail.
    left: Option<u32>,
}

impl<'a> Observation<'a> {
    async fn open(session: &Session, queue: &'a str) -> Result<Self, Error> {
        // The connection that consumes goes on while the broker holds publishers back.
        let opened = async { session.consuming().await?.connection.channel().await };
        let channel = opened.await.map_err(|failure| refused(queue, failure))?;
        Ok(Self { channel, queue, left: None })
    }

    /// Takes the next message, to hold it for as long as the look lasts. There is none in a queue that does not exist.
    async fn next(&mut self) -> Result<Option<BasicGetMessage>, Error> {
        if self.left == Some(0) {
            return Ok(None);
        }
        match bounded(self.channel.basic_get(short(self.queue), BasicGetOptions::default())).await {
            Ok(Some(message)) => {
                self.left = Some(self.left.map_or(message.message_count, |left| left - 1));
                Ok(Some(message))
            }
            Ok(None) => Ok(None),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(refused(self.queue, failure)),
        }
    }

    /// Takes a message off the queue for good.
    async fn take(&self, tag: u64) -> Result<(), Error> {
        let acked = bounded(self.channel.basic_ack(tag, BasicAckOptions::default())).await;
        acked.map_err(|failure| refused(self.queue, failure))
    }

    /// Puts back what is held, so that whoever looks next finds it: the broker answers the last question only after it has
    /// done what was asked before.
    async fn end(self) {
        let everything = BasicNackOptions { multiple: true, requeue: true };
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        if bounded(self.channel.basic_nack(0, everything)).await.is_ok() {
            let _ = bounded(self.channel.queue_declare(short(self.queue), passive, FieldTable::default())).await;
        }
        release(self.channel).await;
    }
}

fn refused(queue: &str, failure: OperationError) -> Error {
    failure.into_error(format!("look at the queue {queue}"))
}
