//! Calls.

use anyhow::{Context, Result};
use bytes::Bytes;
use std::collections::HashMap;
use tokio::select;
use tokio::sync::{mpsc, oneshot};

use super::PREFETCH;
use super::frames::{Incoming, Message, Properties};
use super::wire::Wire;
use crate::contestant;
use crate::message::{Check, Cover, check, decode, encode_check, encode_cover};
use crate::place::Place;

const REPLY_TO: &str = "amq.rabbitmq.reply-to";

struct Order {
    body: Vec<u8>,
    answer: oneshot::Sender<Bytes>,
}

#[derive(Clone)]
pub(crate) struct Caller {
    outbox: mpsc::UnboundedSender<Order>,
}

impl Caller {
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let mut wire = Wire::open(place).await?;
        wire.open_channel(1).await?;
        wire.consume(1, REPLY_TO, None).await?;
        let (outbox, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Calling { wire, queue: place.rpc_queue(), next: 0, waiting: HashMap::new() }.run(inbox));
        Ok(Self { outbox })
    }
}

impl contestant::Caller for Caller {
    async fn call(&self, check: &Check<'_>) -> Result<Cover> {
        let (sender, answer) = oneshot::channel();
        self.outbox
            .send(Order { body: encode_check(check)?, answer: sender })
            .ok()
            .context("the connection is lost")?;
        decode(&answer.await.context("the connection is lost")?)
    }
}

struct Calling {
    wire: Wire,
    queue: String,
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Bytes>>,
}

impl Calling {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) -> Result<()> {
        loop {
            select! {
                received = self.wire.receive() => {
                    received?;
                    while let Some(incoming) = self.wire.next()? {
                        if let Incoming::Message(message) = incoming {
                            self.end(message);
                        }
                    }
                }
                order = inbox.recv() => {
                    let Some(order) = order else { return Ok(()) };
                    self.send(order);
                    while let Ok(order) = inbox.try_recv() {
                        self.send(order);
                    }
                    self.wire.flush().await?;
                }
            }
        }
    }

    fn send(&mut self, order: Order) {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, order.answer);
        let properties = Properties {
            correlation_id: &number.to_be_bytes(),
            reply_to: REPLY_TO.as_bytes(),
            ..Properties::default()
        };
        self.wire.outgoing.publish(1, b"", self.queue.as_bytes(), properties, &order.body);
    }

    fn end(&mut self, message: Message) {
        let number = message.correlation_id.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        if let Some(waiting) = number.and_then(|number| self.waiting.remove(&number)) {
            let _ = waiting.send(message.body.freeze());
        }
    }
}

/// Serves until the process ends, in the task that reads.
pub(crate) async fn serve(place: &Place) -> Result<()> {
    let mut wire = Wire::open(place).await?;
    wire.open_channel(1).await?;
    wire.consume(1, &place.rpc_queue(), Some(PREFETCH)).await?;
    tokio::spawn(answer_all(wire));
    Ok(())
}

async fn answer_all(mut wire: Wire) -> Result<()> {
    loop {
        while let Some(incoming) = wire.next()? {
            let Incoming::Message(request) = incoming else { continue };
            wire.outgoing.ack(1, request.tag, false);
            let Check { serial, customer, note } = decode(&request.body)?;
            let body = encode_cover(&check(serial, customer, note))?;
            let properties = Properties { correlation_id: &request.correlation_id, ..Properties::default() };
            wire.outgoing.publish(1, b"", &request.reply_to, properties, &body);
        }
        wire.flush().await?;
        wire.receive().await?;
    }
}
