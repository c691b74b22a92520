//! Publishes one event, as often as that takes.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::Error;
use crate::protocol::message::EventMessage;
use crate::transport::PublishFailure;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::message::properties::{of_event, routing_key, short};
use crate::transport::amqp::publish::confirm_publisher::{Gone, Outcome, Publication};
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::state::State;

/// How often an event is published that is refused each time, over some seconds. The broker refuses what leads to a quorum
/// queue whose leader has just gone down with its node, until there is another one.
const REFUSALS: u32 = 6;

/// What has become of an event so far.
struct PublishAttempt<'a> {
    event: &'a EventMessage,
    deadline: Instant,
    sent: bool,
    refusals: u32,
    pauses: Backoff,
    /// Whether the broker has closed a channel that it was on. That may have been another event's fault, so it is sent
    /// once more where one message is under way at a time; what closes that channel too is to blame.
    suspect: bool,
}

/// Publishes an event, and returns when the broker has it safe.
pub(crate) async fn publish(
    state: &watch::Sender<State>,
    event: EventMessage,
    deadline: Instant,
) -> Result<(), PublishFailure> {
    let mut attempts =
        PublishAttempt { event: &event, deadline, sent: false, refusals: 0, pauses: Backoff::new(), suspect: false };
    loop {
        let ready = state.borrow().ready().cloned();
        // What is rare is boxed: every event would carry the room for it.
        let session = match ready {
            Some(session) => session,
            None => Box::pin(attempts.working(state)).await?,
        };
        let publisher = if attempts.suspect { &session.singly } else { &session.events };
        let publication = publication(&session, &event);
        attempts.sent = true;
        match timeout_at(deadline, publisher.publish(publication)).await {
            Ok(Ok(Outcome::Confirmed | Outcome::Returned)) => return Ok(()),
            Ok(Ok(Outcome::Refused)) => Box::pin(attempts.refused()).await?,
            Ok(Ok(Outcome::Interrupted(failure))) if failure.is_refusal() && !failure.is_not_found() => {
                attempts.suspected(failure)?;
            }
            Ok(Ok(Outcome::Interrupted(_)) | Err(Gone)) => Box::pin(attempts.lost(&session)).await?,
            Err(_) => return Err(PublishFailure::NotConfirmed),
        }
    }
}

fn publication(session: &Session, event: &EventMessage) -> Publication {
    Publication {
        exchange: short(session.plan.topology.events()),
        routing_key: routing_key(event),
        mandatory: false,
        body: event.payload.bytes.clone(),
        properties: of_event(event),
    }
}

impl PublishAttempt<'_> {
    /// Waits for a session to publish on.
    async fn working(&self, state: &watch::Sender<State>) -> Result<Arc<Session>, PublishFailure> {
        match timeout_at(self.deadline, State::working(&mut state.subscribe())).await {
            Ok(Some(session)) => Ok(session),
            // It may have arrived before the bus was shut down.
            Ok(None) if self.sent => Err(PublishFailure::NotConfirmed),
            Ok(None) => Err(PublishFailure::Other(Error::Closed)),
            Err(_) if self.sent => Err(PublishFailure::NotConfirmed),
            Err(_) => Err(PublishFailure::NotConnected),
        }
    }

    /// The broker does not take it: waits until it is worth trying again.
    async fn refused(&mut self) -> Result<(), PublishFailure> {
        self.refusals += 1;
        let pause = timeout_at(self.deadline, sleep(self.pauses.delay()));
        if self.refusals == REFUSALS || pause.await.is_err() {
            return Err(PublishFailure::Refused);
        }
        Ok(())
    }

    /// The broker has closed the channel that it was on.
    fn suspected(&mut self, failure: OperationError) -> Result<(), PublishFailure> {
        if self.suspect {
            let error = failure.into_error(format!("publish {}", self.event.full_name()));
            return Err(PublishFailure::Other(error));
        }
        self.suspect = true;
        Ok(())
    }

    /// It may have arrived; on the next connection it is sent again under the same id. The session has failed or is about
    /// to.
    async fn lost(&self, session: &Session) -> Result<(), PublishFailure> {
        timeout_at(self.deadline, session.lost()).await.map_err(|_| PublishFailure::NotConfirmed)
    }
}
