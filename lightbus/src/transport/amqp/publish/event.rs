//! Publishes events, again and again until the broker has persisted them.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::Error;
use crate::protocol::message::EventMessage;
use crate::transport::PublishFailure;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::connection::availability::{Availability, SessionPart};
use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::message::properties::{of_event, routing_key, short};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::confirm_publisher::{Outcome, Publication, SessionEnded};

/// How often an event is published that is refused each time, over some seconds. When the leader of a quorum queue has gone
/// down with its node, the broker refuses what leads to that queue until there is another leader.
const REFUSALS: u32 = 6;

/// The state of one event that is being published.
struct PublishAttempt<'a> {
    event: &'a EventMessage,
    deadline: Instant,
    sent: bool,
    refusals: u32,
    pauses: Backoff,
    /// The broker has closed a channel that the event was on. Another event may have been the reason, so this one is sent
    /// again where one message is under way at a time. If the broker closes that channel too, this event is the reason.
    suspect: bool,
}

/// Publishes an event, and returns once the broker has persisted it.
pub(crate) async fn publish(
    ready: &watch::Sender<Availability<PublishSide>>,
    event: EventMessage,
    deadline: Instant,
) -> Result<(), PublishFailure> {
    let mut attempts =
        PublishAttempt { event: &event, deadline, sent: false, refusals: 0, pauses: Backoff::new(), suspect: false };
    loop {
        let current = ready.borrow().current().cloned();
        // Rare branches are boxed, or every event would carry their size.
        let side = match current {
            Some(side) => side,
            None => Box::pin(attempts.working(ready)).await?,
        };
        let publisher = if attempts.suspect { &side.single } else { &side.events };
        let publication = publication(&side, &event);
        attempts.sent = true;
        match timeout_at(deadline, publisher.publish(publication)).await {
            Ok(Ok(Outcome::Confirmed | Outcome::Returned)) => return Ok(()),
            Ok(Ok(Outcome::Refused)) => Box::pin(attempts.refused()).await?,
            Ok(Ok(Outcome::Interrupted(failure))) if failure.is_refusal() && !failure.is_not_found() => {
                attempts.suspected(failure)?;
            }
            Ok(Ok(Outcome::Interrupted(_)) | Err(SessionEnded)) => Box::pin(attempts.lost(&side)).await?,
            Err(_) => return Err(PublishFailure::NotConfirmed),
        }
    }
}

fn publication(side: &PublishSide, event: &EventMessage) -> Publication {
    Publication {
        exchange: short(side.topology.events()),
        routing_key: routing_key(event),
        mandatory: false,
        body: event.payload.bytes.clone(),
        properties: of_event(event),
    }
}

impl PublishAttempt<'_> {
    /// Waits for a connection to publish on.
    async fn working(
        &self,
        ready: &watch::Sender<Availability<PublishSide>>,
    ) -> Result<Arc<PublishSide>, PublishFailure> {
        match timeout_at(self.deadline, Availability::next(&mut ready.subscribe())).await {
            Ok(Some(side)) => Ok(side),
            // It may have arrived before the bus was shut down.
            Ok(None) if self.sent => Err(PublishFailure::NotConfirmed),
            Ok(None) => Err(PublishFailure::Other(Error::Closed)),
            Err(_) if self.sent => Err(PublishFailure::NotConfirmed),
            Err(_) => Err(PublishFailure::NotConnected),
        }
    }

    /// The broker did not take the event: waits before the next attempt.
    async fn refused(&mut self) -> Result<(), PublishFailure> {
        self.refusals += 1;
        let pause = timeout_at(self.deadline, sleep(self.pauses.delay()));
        if self.refusals == REFUSALS || pause.await.is_err() {
            return Err(PublishFailure::Refused);
        }
        Ok(())
    }

    /// The broker has closed the channel that the event was on.
    fn suspected(&mut self, failure: OperationError) -> Result<(), PublishFailure> {
        if self.suspect {
            let error = failure.into_error(format!("publish {}", self.event.full_name()));
            return Err(PublishFailure::Other(error));
        }
        self.suspect = true;
        Ok(())
    }

    /// The event may have arrived. It is sent again under the same id on the next connection. This one has failed or is about
    /// to.
    async fn lost(&self, side: &PublishSide) -> Result<(), PublishFailure> {
        timeout_at(self.deadline, side.lifeline().lost()).await.map_err(|_| PublishFailure::NotConfirmed)
    }
}
