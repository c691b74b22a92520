//! Events.

use std::collections::VecDeque;

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Buf;
use tokio::select;
use tokio::sync::{mpsc, oneshot};

use super::PREFETCH;
use super::frames::{BASIC_ACK, CONFIRM_SELECT, CONFIRM_SELECT_OK, Incoming, Properties};
use super::wire::Wire;
use crate::contestant;
use crate::message::{Check, Tally, decode, encode_check};
use crate::place::{EVENT, Place};

struct Order {
    body: Vec<u8>,
    confirmed: oneshot::Sender<()>,
}

#[derive(Clone)]
pub(crate) struct Publisher {
    outbox: mpsc::UnboundedSender<Order>,
}

impl Publisher {
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let mut wire = Wire::open(place).await?;
        wire.open_channel(1).await?;
        wire.call(1, CONFIRM_SELECT, &[0], CONFIRM_SELECT_OK).await?;
        let (outbox, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Publishing { wire, exchange: place.exchange(), waiting: Waiting::default() }.run(inbox));
        Ok(Self { outbox })
    }
}

impl contestant::Publisher for Publisher {
    async fn publish(&self, event: &Check<'_>) -> Result<()> {
        let (confirmed, outcome) = oneshot::channel();
        self.outbox.send(Order { body: encode_check(event)?, confirmed }).ok().context("the connection is lost")?;
        outcome.await.context("the broker refused the event, or the connection is lost")
    }
}

struct Publishing {
    wire: Wire,
    exchange: String,
    waiting: Waiting,
}

impl Publishing {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) -> Result<()> {
        loop {
            select! {
                received = self.wire.receive() => {
                    received?;
                    while let Some(incoming) = self.wire.next()? {
                        if let Incoming::Method(BASIC_ACK, mut arguments) = incoming {
                            self.waiting.confirm(arguments.try_get_u64()?, arguments.try_get_u8()? != 0);
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
        self.waiting.events.push_back(Some(order.confirmed));
        let properties = Properties { is_persistent: true, ..Properties::default() };
        self.wire.outgoing.publish(1, self.exchange.as_bytes(), EVENT.as_bytes(), properties, &order.body);
    }
}

/// Events without a confirm, in the order of their numbers on the channel.
#[derive(Default)]
struct Waiting {
    /// The number of confirmed events before the first of them.
    before: u64,
    events: VecDeque<Option<oneshot::Sender<()>>>,
}

impl Waiting {
    fn confirm(&mut self, number: u64, multiple: bool) {
        let Some(index) = number.checked_sub(self.before + 1).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        let first = if multiple { 0 } else { index };
        for event in self.events.range_mut(first..=index) {
            if let Some(event) = event.take() {
                let _ = event.send(());
            }
        }
        while self.events.front().is_some_and(Option::is_none) {
            self.events.pop_front();
            self.before += 1;
        }
    }
}

/// Subscribes until the process ends. Events that were read together are handled and then acknowledged together.
pub(crate) async fn subscribe(place: &Place, count: usize, tally: &Arc<Tally>) -> Result<()> {
    for number in 0..count {
        let mut wire = Wire::open(place).await?;
        wire.open_channel(1).await?;
        wire.consume(1, &place.subscription_queue(number), Some(PREFETCH)).await?;
        tokio::spawn(handle_all(wire, Arc::clone(tally)));
    }
    Ok(())
}

async fn handle_all(mut wire: Wire, tally: Arc<Tally>) -> Result<()> {
    loop {
        let mut last = None;
        while let Some(incoming) = wire.next()? {
            let Incoming::Message(event) = incoming else { continue };
            let check: Check<'_> = decode(&event.body)?;
            tally.handle(check.customer);
            last = Some(event.tag);
        }
        if let Some(tag) = last {
            wire.outgoing.ack(1, tag, true);
            wire.flush().await?;
        }
        wire.receive().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirms_reach_their_events_in_any_order() {
        let mut waiting = Waiting::default();
        let mut events: Vec<_> = (0..4)
            .map(|_| {
                let (confirmed, outcome) = oneshot::channel();
                waiting.events.push_back(Some(confirmed));
                outcome
            })
            .collect();
        waiting.confirm(2, false);
        assert_eq!(
            events.iter_mut().map(|event| event.try_recv().is_ok()).collect::<Vec<_>>(),
            [false, true, false, false]
        );
        waiting.confirm(3, true);
        assert!(events[0].try_recv().is_ok() && events[2].try_recv().is_ok() && events[3].try_recv().is_err());
        assert_eq!((waiting.before, waiting.events.len()), (3, 1));
        waiting.confirm(4, false);
        assert!(events[3].try_recv().is_ok());
    }
}
