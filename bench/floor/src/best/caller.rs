//! The caller: direct reply-to, a map of the calls in flight, a deadline for each call, and a timer that collects returns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, Consumer};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::{Extras, REPLY_TO};
use crate::contestant;
use crate::message::{Check, Cover, decode, encode_check};
use crate::place::{METHOD, Place, short};

/// How often returned requests are looked for while a call waits.
const RETURN_TICK: Duration = Duration::from_millis(3);

enum Arrival {
    Answer(Vec<u8>),
    Fault,
    Returned,
}

#[derive(Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    channel: Channel,
    queue: ShortString,
    extras: Extras,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Arrival>>>,
    called: Notify,
    _connection: Connection,
}

impl Caller {
    pub(crate) async fn connect(place: &Place, extras: Extras) -> Result<Self> {
        let connection = place.connect().await?;
        let channel = connection.create_channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let replies =
            channel.basic_consume(short(REPLY_TO), ShortString::default(), options, FieldTable::default()).await?;
        let shared = Arc::new(Shared {
            channel,
            queue: place.rpc_queue().into(),
            extras,
            next: AtomicU64::new(0),
            waiting: Mutex::default(),
            called: Notify::new(),
            _connection: connection,
        });
        tokio::spawn(receive(Arc::clone(&shared), replies));
        if extras.mandatory {
            tokio::spawn(collect_returns(Arc::clone(&shared)));
        }
        Ok(Self { shared })
    }
}

impl contestant::Caller for Caller {
    async fn call(&self, check: &Check<'_>) -> Result<Cover> {
        let Shared { channel, queue, extras, called, .. } = &*self.shared;
        let body = encode_check(check)?;
        let (ticket, arrival) = Ticket::take(&self.shared);
        let options = BasicPublishOptions { mandatory: extras.mandatory, ..BasicPublishOptions::default() };
        let properties = extras.of_request(ticket.number);
        let sent = channel.basic_publish(ShortString::default(), queue.clone(), options, &body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            return Err(error.into());
        }
        if extras.mandatory {
            called.notify_one();
        }
        let arrival = match extras.deadline {
            Some(deadline) => timeout(deadline, arrival).await.context("the deadline passed")?,
            None => arrival.await,
        };
        match arrival.context("the connection is lost")? {
            Arrival::Answer(body) => decode(&body),
            Arrival::Fault => bail!("the server failed"),
            Arrival::Returned => bail!("nobody serves"),
        }
    }
}

impl Extras {
    fn of_request(&self, number: u64) -> BasicProperties {
        let properties =
            BasicProperties::default().with_correlation_id(format!("{number:x}").into()).with_reply_to(short(REPLY_TO));
        if !self.properties {
            return properties;
        }
        let properties = properties.with_type(short(METHOD)).with_app_id(short("caller"));
        match self.deadline {
            Some(deadline) => properties.with_expiration(deadline.as_millis().to_string().into()),
            None => properties,
        }
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Arrival>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, properties: &BasicProperties, arrival: Arrival) {
        let number = properties.correlation_id().as_ref().and_then(|id| u64::from_str_radix(id.as_str(), 16).ok());
        let waiting = number.and_then(|number| self.waiting().remove(&number));
        if let Some(waiting) = waiting {
            // The caller may have been dropped.
            let _ = waiting.send(arrival);
        }
    }
}

/// An entry among the calls in flight, which is removed on drop.
struct Ticket<'a> {
    number: u64,
    shared: &'a Shared,
}

impl<'a> Ticket<'a> {
    fn take(shared: &'a Shared) -> (Self, oneshot::Receiver<Arrival>) {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, arrival) = oneshot::channel();
        shared.waiting().insert(number, sender);
        (Self { number, shared }, arrival)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.shared.waiting().remove(&self.number);
    }
}

async fn receive(shared: Arc<Shared>, mut replies: Consumer) {
    while let Some(Ok(reply)) = replies.next().await {
        let is_answer =
            !shared.extras.properties || reply.properties.kind().as_ref().is_some_and(|kind| kind.as_str() == "ok");
        let arrival = if is_answer { Arrival::Answer(reply.data) } else { Arrival::Fault };
        shared.end(&reply.properties, arrival);
    }
    shared.waiting().clear();
}

/// lapin keeps returned requests until it is asked for them.
async fn collect_returns(shared: Arc<Shared>) {
    loop {
        shared.called.notified().await;
        while !shared.waiting().is_empty() {
            sleep(RETURN_TICK).await;
            // Without confirms there is nothing to wait for.
            let Some(Ok(returned)) = shared.channel.wait_for_confirms().now_or_never() else { continue };
            for message in returned {
                shared.end(&message.properties, Arrival::Returned);
            }
        }
    }
}
