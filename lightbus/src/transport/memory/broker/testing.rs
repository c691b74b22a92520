//! What the test kit sees of a bus in memory, and how it moves its time.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Broker, State, SubscriptionQueue, hand_out};
use crate::protocol::dead_letter::DeadLetter;
use crate::protocol::destination::Destination;
use crate::protocol::message::EventMessage;
use crate::runtime::sync::lock;
use crate::transport::memory::clock::Clock;

impl Broker {
    /// A broker whose time stands still.
    pub(crate) fn with_stopped_clock() -> Arc<Self> {
        Arc::new(Self { clock: Clock::stopped(), ..Self::default() })
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// When the next event that waits for its retry is to be handed over.
    pub(crate) fn next_retry(&self) -> Option<Instant> {
        let state = lock(&self.state);
        state.subscriptions.values().flat_map(SubscriptionQueue::times).min()
    }

    /// Moves the time forward, and hands over the events that have waited until then.
    pub(crate) fn move_to(self: &Arc<Self>, time: Instant) {
        self.clock.move_to(time);
        self.change(|State { subscriptions, outbox, .. }| {
            for (destination, subscribed) in subscriptions {
                hand_out(destination, subscribed, outbox);
            }
        });
    }

    /// The events that a process has taken and not settled.
    pub(crate) fn unsettled_events(&self) -> Vec<(Destination, EventMessage)> {
        let state = lock(&self.state);
        let events = state.subscriptions.iter().flat_map(|(destination, subscribed)| {
            subscribed.queue.unsettled().map(|event| (destination.clone(), event.message.clone()))
        });
        events.collect()
    }

    /// The dead letters of every subscription.
    pub(crate) fn all_dead_letters(&self) -> Vec<(Destination, DeadLetter)> {
        let state = lock(&self.state);
        let letters = state.subscriptions.iter().flat_map(|(destination, subscribed)| {
            let letters = subscribed.dead_letters(usize::MAX);
            letters.into_iter().map(|letter| (destination.clone(), letter))
        });
        letters.collect()
    }
}
