//! The publisher. Each publication is polled once under a lock, so that its number and its frames stay together and each confirm
//! belongs to its event. The caller awaits the rest of it, without a task in between.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use anyhow::{Result, ensure};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Extras, PERSISTENT};
use crate::contestant;
use crate::message::{Check, encode_check};
use crate::place::{EVENT, Place, short};

/// How many events may wait for the broker's confirm.
const WINDOW: usize = 1024;

#[derive(Clone)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    channel: Channel,
    exchange: ShortString,
    extras: Extras,
    window: Semaphore,
    turn: Mutex<()>,
    _connection: Connection,
}

impl Publisher {
    pub(crate) async fn connect(place: &Place, extras: Extras) -> Result<Self> {
        let connection = place.connect().await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (exchange, window, turn) = (place.exchange().into(), Semaphore::new(WINDOW), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { channel, exchange, extras, window, turn, _connection: connection }) })
    }
}

impl contestant::Publisher for Publisher {
    async fn publish(&self, event: &Check<'_>) -> Result<()> {
        let Shared { channel, exchange, extras, window, turn, .. } = &*self.shared;
        let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        if extras.properties {
            let id = Uuid::now_v7().to_string();
            properties = properties.with_type(short(EVENT)).with_message_id(id.into()).with_app_id(short("publisher"));
        }
        let (options, body) = (BasicPublishOptions::default(), encode_check(event)?);
        let _place = window.acquire().await?;
        let mut sent = pin!(channel.basic_publish(exchange.clone(), short(EVENT), options, &body, properties));
        let first = poll_fn(|cx| {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            Poll::Ready(sent.as_mut().poll(cx))
        });
        let confirmation = match first.await {
            Poll::Ready(sent) => sent?,
            Poll::Pending => sent.await?,
        };
        ensure!(matches!(confirmation.await?, Confirmation::Ack(_)), "the broker refused the event");
        Ok(())
    }
}
