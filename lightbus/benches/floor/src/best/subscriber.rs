//! Subscribes: each event is handled in a task of its own, no more than so many at a time, and acknowledged after it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Extras;
use crate::message::{Check, Tally, decode};
use crate::place::Place;

/// How long a handler may take for one event, as in Lightbus.
const TIME_LIMIT: Duration = Duration::from_secs(300);

struct Subscriber {
    channel: Channel,
    permits: Arc<Semaphore>,
    extras: Extras,
    tally: Arc<Tally>,
    _connection: Arc<Connection>,
}

/// Subscribes until the process ends.
pub(crate) async fn subscribe(
    place: &Place,
    count: usize,
    concurrency: u16,
    extras: Extras,
    tally: &Arc<Tally>,
) -> Result<()> {
    let connection = Arc::new(place.connect().await?);
    for number in 0..count {
        let channel = connection.create_channel().await?;
        channel.basic_qos(concurrency.saturating_mul(2), BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let queue = place.subscription_queue(number).into();
        let mut events = channel.basic_consume(queue, ShortString::default(), options, arguments).await?;
        let permits = Arc::new(Semaphore::new(concurrency.into()));
        let (tally, connection) = (Arc::clone(tally), Arc::clone(&connection));
        let subscriber = Arc::new(Subscriber { channel, permits, extras, tally, _connection: connection });
        tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                deliver(&subscriber, event);
            }
        });
    }
    Ok(())
}

fn deliver(subscriber: &Arc<Subscriber>, event: Delivery) {
    let (subscriber, permits) = (Arc::clone(subscriber), Arc::clone(&subscriber.permits));
    match Arc::clone(&permits).try_acquire_owned() {
        Ok(permit) => tokio::spawn(async move {
            subscriber.take(event).await;
            drop(permit);
        }),
        Err(_) => tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            subscriber.take(event).await;
        }),
    };
}

impl Subscriber {
    async fn take(&self, event: Delivery) {
        let handled = AssertUnwindSafe(handle(&event.data, &self.tally)).catch_unwind();
        let handled = match self.extras.deadline {
            Some(_) => matches!(timeout(TIME_LIMIT, handled).await, Ok(Ok(Ok(())))),
            None => matches!(handled.await, Ok(Ok(()))),
        };
        // The frame is queued at the first poll; what remains is to wait until it is written.
        if handled {
            let _ = self.channel.basic_ack(event.delivery_tag, BasicAckOptions::default()).now_or_never();
        } else {
            let options = BasicNackOptions { requeue: false, ..BasicNackOptions::default() };
            let _ = self.channel.basic_nack(event.delivery_tag, options).now_or_never();
        }
    }
}

async fn handle(body: &[u8], tally: &Tally) -> Result<()> {
    let event: Check<'_> = decode(body)?;
    tally.handle(event.customer);
    Ok(())
}
