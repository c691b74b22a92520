//! The subscriber. Each event is handled in a task of its own, and a limited number of them run at a time. An event is acknowledged
//! after its handler, together with others that are handled by then.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::Extras;
use super::acks::Acks;
use crate::message::{Check, Tally, decode};
use crate::place::Place;

/// How long a handler may take for one event, as in Lightbus.
const TIME_LIMIT: Duration = Duration::from_secs(300);

struct Subscriber {
    channel: Channel,
    permits: Arc<Semaphore>,
    extras: Extras,
    tally: Arc<Tally>,
    deliveries: Mutex<Deliveries>,
    /// How many events may be handled before they are acknowledged.
    at_once: usize,
    _connection: Arc<Connection>,
}

/// Deliveries that are not acknowledged.
#[derive(Default)]
struct Deliveries {
    acks: Acks,
    /// Whether a task is about to acknowledge handled events.
    is_due: bool,
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
        let subscriber = Arc::new(Subscriber {
            channel,
            permits,
            extras,
            tally,
            deliveries: Mutex::default(),
            at_once: usize::from(concurrency / 2).max(1),
            _connection: connection,
        });
        tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                deliver(&subscriber, event);
            }
        });
    }
    Ok(())
}

fn deliver(subscriber: &Arc<Subscriber>, event: Delivery) {
    subscriber.deliveries().acks.held.insert(event.delivery_tag);
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
    fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(self: &Arc<Self>, event: Delivery) {
        let handled = AssertUnwindSafe(handle(&event.data, &self.tally)).catch_unwind();
        let handled = match self.extras.deadline {
            Some(_) => matches!(timeout(TIME_LIMIT, handled).await, Ok(Ok(Ok(())))),
            None => matches!(handled.await, Ok(Ok(()))),
        };
        let mut deliveries = self.deliveries();
        if handled {
            deliveries.acks.due.push(event.delivery_tag);
        } else {
            let options = BasicNackOptions { requeue: false, ..BasicNackOptions::default() };
            // The frame is queued at the first poll; what remains is to wait until it is written.
            let _ = self.channel.basic_nack(event.delivery_tag, options).now_or_never();
        }
        deliveries.acks.held.remove(&event.delivery_tag);
        if deliveries.acks.due.len() >= self.at_once || deliveries.acks.held.is_empty() {
            deliveries.acks.send(&self.channel);
        } else if !std::mem::replace(&mut deliveries.is_due, true) {
            let subscriber = Arc::clone(self);
            tokio::spawn(async move {
                yield_now().await;
                let mut deliveries = subscriber.deliveries();
                deliveries.is_due = false;
                deliveries.acks.send(&subscriber.channel);
            });
        }
    }
}

async fn handle(body: &[u8], tally: &Tally) -> Result<()> {
    let event: Check<'_> = decode(body)?;
    tally.handle(event.customer);
    Ok(())
}
