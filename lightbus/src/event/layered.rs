//! Events on their way through layers, on both sides.

use smol_str::SmolStr;
use tokio::time::Instant;

use super::subscriber::Failure;
use crate::context::Context;
use crate::error::Error;
use crate::layer::{BoxFuture, End, Kind, Layers, Message, Occasion, Outcome, Parts, run_until};
use crate::protocol::failure::FailureReason;
use crate::protocol::message::{EventMessage, full_name};
use crate::transport::{PublishFailure, Transport};

fn message(
    occasion: Occasion,
    event: EventMessage,
    subscription: Option<SmolStr>,
    attempt: u32,
    deadline: Option<Instant>,
) -> Message {
    let EventMessage { id, api, event, publisher, payload, trace, headers } = event;
    Message::new(Parts {
        occasion,
        id,
        api,
        name: event,
        service: publisher,
        subscription,
        attempt,
        deadline,
        idempotent: false,
        headers,
        payload,
        trace,
    })
}

fn event(message: &Message) -> EventMessage {
    let Parts { id, api, name, service, headers, payload, trace, .. } = &message.parts;
    EventMessage {
        id: id.clone(),
        api: api.clone(),
        event: name.clone(),
        publisher: service.clone(),
        payload: payload.clone(),
        trace: trace.clone(),
        headers: headers.clone(),
    }
}

/// Publishes an event through layers.
pub(super) async fn publish(
    layers: &Layers,
    transport: &dyn Transport,
    event: EventMessage,
    limit: usize,
    deadline: Instant,
) -> Result<(), PublishFailure> {
    let name = full_name(&event.api, &event.event);
    let mut message = message(Occasion::Publish, event, None, 1, Some(deadline));
    let end = PublishEnd { transport, limit, deadline };
    let outcome = match layers.get(&end) {
        Some(next) => run_until(next, &mut message, deadline).await,
        None => Some(end.run(&mut message).await),
    };
    match outcome.ok_or(PublishFailure::NotConfirmed)?.kind {
        Kind::Done | Kind::Reply(..) => Ok(()),
        Kind::Refused(reason) | Kind::Failed(reason) => Err(refused(name, reason)),
        Kind::Other { error, detail, .. } => {
            Err(detail.downcast().map_or_else(|_| refused(name, error), |failure: Box<PublishFailure>| *failure))
        }
    }
}

fn refused(event: String, reason: String) -> PublishFailure {
    PublishFailure::Other(Error::Refused { event, reason })
}

struct PublishEnd<'p> {
    transport: &'p dyn Transport,
    limit: usize,
    deadline: Instant,
}

impl End for PublishEnd<'_> {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, Outcome> {
        let (event, limit) = (event(message), self.limit);
        Box::pin(async move {
            let size = event.payload.bytes.len();
            let published = if size > limit {
                let event = event.full_name();
                Err(PublishFailure::Other(Error::EventTooLarge { event, size: size as u64, limit: limit as u64 }))
            } else {
                self.transport.publish(event, self.deadline).await
            };
            match published {
                Ok(()) => Outcome::done(),
                Err(failure) => {
                    let (status, error) = describe(&failure);
                    Outcome::other(status, error, failure)
                }
            }
        })
    }
}

fn describe(failure: &PublishFailure) -> (&'static str, String) {
    match failure {
        PublishFailure::NotConnected => ("not_connected", "there was no connection to the broker".to_owned()),
        PublishFailure::NotConfirmed => ("not_confirmed", "the broker did not confirm the event".to_owned()),
        PublishFailure::Refused => ("publish_refused", "the broker refused the event".to_owned()),
        PublishFailure::Other(error) => ("not_published", error.to_string()),
    }
}

/// Decodes an event and calls its handler.
pub(super) type Handle<'h> = dyn Fn(EventMessage, Context) -> BoxFuture<'h, Result<(), Failure>> + Sync + 'h;

/// Handles an event through layers.
pub(super) async fn handle(
    layers: &Layers,
    subscription: &str,
    event: EventMessage,
    context: Context,
    handle: &Handle<'_>,
) -> Result<(), Failure> {
    let mut message = message(Occasion::Handle, event, Some(subscription.into()), context.attempt(), None);
    let end = HandleEnd { context, handle };
    let outcome = match layers.get(&end) {
        Some(next) => next.run(&mut message).await,
        None => end.run(&mut message).await,
    };
    let failure = |reason, error| Err(Failure { reason, error });
    match outcome.kind {
        Kind::Done | Kind::Reply(..) => Ok(()),
        Kind::Refused(error) => failure(FailureReason::Rejected, error),
        Kind::Failed(error) => failure(FailureReason::Failed, error),
        Kind::Other { error, detail, .. } => {
            let reason = detail.downcast_ref().copied().unwrap_or(FailureReason::Failed);
            failure(reason, error)
        }
    }
}

struct HandleEnd<'s, 'h> {
    context: Context,
    handle: &'s Handle<'h>,
}

impl End for HandleEnd<'_, '_> {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, Outcome> {
        let event = event(message);
        let context = self.context.layered(event.headers.clone(), message.extensions().clone());
        Box::pin(async move {
            match context.clone().scope((self.handle)(event, context)).await {
                Ok(()) => Outcome::done(),
                Err(Failure { reason, error }) => Outcome::other(reason.as_str(), error, reason),
            }
        })
    }
}
