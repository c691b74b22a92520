//! lapin as its own examples show it: every publish and every acknowledgement is awaited, in the loop that consumes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer};
use tokio::sync::oneshot;

use crate::contestant;
use crate::message::{Check, Cover, Tally, check, decode, encode_check, encode_cover};
use crate::place::{EVENT, Place, short};

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Vec<u8>>>>>;

#[derive(Clone)]
pub(crate) struct Caller {
    channel: Channel,
    queue: ShortString,
    reply_to: ShortString,
    next: Arc<AtomicU64>,
    waiting: Waiting,
    _connection: Arc<Connection>,
}

impl Caller {
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let connection = Arc::new(place.connect().await?);
        let channel = connection.create_channel().await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let replies = channel.queue_declare(ShortString::default(), options, FieldTable::default()).await?;
        let reply_to = replies.name().clone();
        let consumer = consume(&channel, reply_to.clone()).await?;
        let waiting = Waiting::default();
        tokio::spawn(receive(consumer, Arc::clone(&waiting)));
        let (queue, next) = (place.rpc_queue().into(), Arc::default());
        Ok(Self { channel, queue, reply_to, next, waiting, _connection: connection })
    }
}

impl contestant::Caller for Caller {
    async fn call(&self, check: &Check<'_>) -> Result<Cover> {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        let properties = BasicProperties::default().with_correlation_id(id.into()).with_reply_to(self.reply_to.clone());
        let (options, body) = (BasicPublishOptions::default(), encode_check(check)?);
        self.channel.basic_publish(ShortString::default(), self.queue.clone(), options, &body, properties).await?;
        decode(&answer.await.context("the connection is lost")?)
    }
}

async fn receive(mut consumer: Consumer, waiting: Waiting) -> Result<()> {
    while let Some(reply) = consumer.next().await {
        let reply = reply?;
        if let Some(id) = reply.properties.correlation_id() {
            let caller = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id.as_str());
            if let Some(caller) = caller {
                let _ = caller.send(reply.data.clone());
            }
        }
        reply.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

async fn consume(channel: &Channel, queue: ShortString) -> Result<Consumer> {
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    Ok(channel.basic_consume(queue, ShortString::default(), options, arguments).await?)
}

/// Serves until the process ends.
pub(crate) async fn serve(place: &Place) -> Result<()> {
    let connection = place.connect().await?;
    let channel = connection.create_channel().await?;
    let consumer = consume(&channel, place.rpc_queue().into()).await?;
    tokio::spawn(async move {
        let served = answer_all(&channel, consumer).await;
        drop(connection);
        served
    });
    Ok(())
}

async fn answer_all(channel: &Channel, mut consumer: Consumer) -> Result<()> {
    while let Some(request) = consumer.next().await {
        let request = request?;
        let Check { serial, customer, note } = decode(&request.data)?;
        let body = encode_cover(&check(serial, customer, note))?;
        let reply_to = request.properties.reply_to().clone().context("nobody to answer to")?;
        let id = request.properties.correlation_id().clone().unwrap_or_default();
        let properties = BasicProperties::default().with_correlation_id(id);
        let options = BasicPublishOptions::default();
        channel.basic_publish(ShortString::default(), reply_to, options, &body, properties).await?;
        request.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Publisher {
    channel: Channel,
    exchange: ShortString,
    _connection: Arc<Connection>,
}

impl Publisher {
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let connection = Arc::new(place.connect().await?);
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { channel, exchange: place.exchange().into(), _connection: connection })
    }
}

impl contestant::Publisher for Publisher {
    async fn publish(&self, event: &Check<'_>) -> Result<()> {
        let (options, body) = (BasicPublishOptions::default(), encode_check(event)?);
        let properties = BasicProperties::default().with_delivery_mode(2);
        let sent = self.channel.basic_publish(self.exchange.clone(), short(EVENT), options, &body, properties).await?;
        ensure!(matches!(sent.await?, Confirmation::Ack(_)), "the broker refused the event");
        Ok(())
    }
}

/// Subscribes until the process ends.
pub(crate) async fn subscribe(place: &Place, count: usize, tally: &Arc<Tally>) -> Result<()> {
    let connection = Arc::new(place.connect().await?);
    for number in 0..count {
        let channel = connection.create_channel().await?;
        let consumer = consume(&channel, place.subscription_queue(number).into()).await?;
        let (connection, tally) = (Arc::clone(&connection), Arc::clone(tally));
        tokio::spawn(async move {
            let handled = handle_all(consumer, &tally).await;
            drop((channel, connection));
            handled
        });
    }
    Ok(())
}

async fn handle_all(mut consumer: Consumer, tally: &Tally) -> Result<()> {
    while let Some(event) = consumer.next().await {
        let event = event?;
        let check: Check<'_> = decode(&event.data)?;
        tally.handle(check.customer);
        event.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
