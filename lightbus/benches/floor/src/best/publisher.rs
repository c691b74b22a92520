//! Publishes events. One task polls each publication once, in order, so that confirms belong to their events and many
//! events share one write; it has so many unconfirmed at a time, and tells each publisher of its own.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::select;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Extras, PERSISTENT};
use crate::contestant;
use crate::message::{Check, encode_check};
use crate::place::{EVENT, Place, short};

/// How many events may wait for the broker's confirm.
const WINDOW: usize = 1024;

/// How many may wait to be published.
const QUEUED: usize = 256;

struct Order {
    body: Vec<u8>,
    properties: BasicProperties,
    confirmed: oneshot::Sender<bool>,
}

#[derive(Clone)]
pub(crate) struct Publisher {
    outbox: mpsc::Sender<Order>,
    extras: Extras,
}

impl Publisher {
    pub(crate) async fn connect(place: &Place, extras: Extras) -> Result<Self> {
        let connection = place.connect().await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (outbox, inbox) = mpsc::channel(QUEUED);
        tokio::spawn(publish_all(connection, channel, place.exchange().into(), inbox));
        Ok(Self { outbox, extras })
    }
}

impl contestant::Publisher for Publisher {
    async fn publish(&self, event: &Check<'_>) -> Result<()> {
        let (confirmed, outcome) = oneshot::channel();
        let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        if self.extras.properties {
            let id = Uuid::now_v7().to_string();
            properties = properties.with_type(short(EVENT)).with_message_id(id.into()).with_app_id(short("publisher"));
        }
        let order = Order { body: encode_check(event)?, properties, confirmed };
        self.outbox.send(order).await.context("the connection is lost")?;
        ensure!(outcome.await.context("the connection is lost")?, "the broker refused the event");
        Ok(())
    }
}

async fn publish_all(
    _connection: Connection,
    channel: Channel,
    exchange: ShortString,
    mut inbox: mpsc::Receiver<Order>,
) {
    let mut unconfirmed = FuturesUnordered::new();
    loop {
        select! {
            biased;
            Some(()) = unconfirmed.next() => {}
            order = inbox.recv(), if unconfirmed.len() < WINDOW => {
                let Some(order) = order else { return };
                let mut sent = Box::pin(send(&channel, exchange.clone(), order));
                if poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))).await.is_pending() {
                    unconfirmed.push(sent);
                }
            }
        }
    }
}

async fn send(channel: &Channel, exchange: ShortString, order: Order) {
    let Order { body, properties, confirmed } = order;
    let sent = channel.basic_publish(exchange, short(EVENT), BasicPublishOptions::default(), &body, properties).await;
    let is_confirmed = match sent {
        Ok(confirmation) => matches!(confirmation.await, Ok(Confirmation::Ack(_))),
        Err(_) => false,
    };
    let _ = confirmed.send(is_confirmed);
}
