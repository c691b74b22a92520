//! Serves an API: takes requests from the transport, runs them through the dispatcher, answers.

use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::dispatch::Dispatch;
use super::fault::{Fault, FaultCode};
use super::invocation::{Invocation, Outcome};
use crate::api::{Api, ApiDescriptor};
use crate::context::Context;
use crate::message::{Encoding, Reply, Request};
use crate::name::ServiceName;
use crate::panic::panic_message;
use crate::tasks::Tasks;
use crate::transport::{RequestDelivery, RequestSink};
use crate::turns::{Turn, Turns};

/// Serves one API in one process.
pub(crate) struct Server<D> {
    dispatcher: Arc<D>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: &'static ApiDescriptor,
    settings: ServerSettings,
    turns: Turns,
}

#[derive(Debug)]
pub(crate) struct ServerSettings {
    pub(crate) service: ServiceName,
    /// How many calls run at a time.
    pub(crate) concurrency: u16,
    pub(crate) max_message_size: usize,
    pub(crate) tasks: Tasks,
}

impl<D: Dispatch> Server<D> {
    pub(crate) fn new(dispatcher: D, settings: ServerSettings) -> Self {
        let api = D::Api::DESCRIPTOR;
        let turns = Turns::new(settings.concurrency);
        Self { dispatcher: Arc::new(dispatcher), shared: Arc::new(Shared { api, settings, turns }) }
    }
}

impl<D: Dispatch> RequestSink for Server<D> {
    fn deliver(&self, delivery: RequestDelivery) {
        let (dispatcher, shared) = (Arc::clone(&self.dispatcher), Arc::clone(&self.shared));
        let deadline = delivery.request.time_left.map(|left| Instant::now() + left);
        let (turn, tasks) = (shared.turns.take(), shared.settings.tasks.clone());
        tasks.spawn(async move { shared.take(&*dispatcher, delivery, turn, deadline).await });
    }
}

impl<D> fmt::Debug for Server<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("api", &self.shared.api.name()).finish_non_exhaustive()
    }
}

impl Shared {
    async fn take<D: Dispatch>(
        &self,
        dispatcher: &D,
        delivery: RequestDelivery,
        turn: Turn,
        deadline: Option<Instant>,
    ) {
        let RequestDelivery { request, redelivered, mut handle } = delivery;
        let Some(Some(_turn)) = self.settings.tasks.unless_draining(turn.begin()).await else {
            handle.give_back();
            return;
        };
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            tracing::debug!(api = self.api.name(), method = %request.method, "dropped a call whose deadline has passed");
            handle.accept();
            return;
        }
        let idempotent = self.api.method(&request.method).is_some_and(|method| method.is_idempotent());
        // Off the queue first, run after: whatever happens now, the method does not run twice.
        if !idempotent && !handle.accept() {
            return;
        }
        let encoding = request.payload.encoding.clone();
        let outcome = if redelivered && !idempotent {
            Some(Outcome::fault(&encoding, &outcome_unknown()))
        } else {
            self.settings.tasks.unless_aborted(self.run(dispatcher, request, deadline)).await
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            // Another server runs it from the start.
            None if idempotent => return handle.give_back(),
            None => Outcome::fault(&encoding, &shutting_down()),
        };
        let reply = self.reply(outcome);
        if idempotent {
            handle.reply_then_accept(reply).await;
        } else {
            handle.reply(reply);
        }
    }

    async fn run<D: Dispatch>(&self, dispatcher: &D, request: Request, deadline: Option<Instant>) -> Outcome {
        let encoding = request.payload.encoding.clone();
        let (size, limit) = (request.payload.bytes.len(), self.settings.max_message_size);
        if size > limit {
            return Outcome::fault(&encoding, &Fault::too_large(FaultCode::RequestTooLarge, size, limit));
        }
        let method = request.method.into_owned();
        let context = Context::new(request.caller.into_owned(), request.id, 1, deadline, request.trace);
        let invocation = Invocation::new(self.api, method.clone(), request.payload, context.clone());
        match AssertUnwindSafe(context.scope(dispatcher.dispatch(invocation))).catch_unwind().await {
            Ok(outcome) => self.limited(&encoding, outcome),
            Err(panic) => {
                let message = panic_message(&*panic);
                tracing::error!(api = self.api.name(), method, "the handler panicked: {message}");
                Outcome::fault(&encoding, &Fault::new(FaultCode::HandlerPanicked, message))
            }
        }
    }

    fn limited(&self, encoding: &Encoding, outcome: Outcome) -> Outcome {
        let (size, limit) = (outcome.payload.bytes.len(), self.settings.max_message_size);
        if size > limit {
            Outcome::fault(encoding, &Fault::too_large(FaultCode::ReplyTooLarge, size, limit))
        } else {
            outcome
        }
    }

    fn reply(&self, outcome: Outcome) -> Reply {
        let server = Cow::Owned(self.settings.service.as_str().to_owned());
        Reply { kind: Some(outcome.kind), server, payload: outcome.payload }
    }
}

fn shutting_down() -> Fault {
    Fault::new(FaultCode::ShuttingDown, "the server shut down before the method had finished")
}

fn outcome_unknown() -> Fault {
    Fault::new(
        FaultCode::OutcomeUnknown,
        "the server that had taken the call was lost, and a method that is not idempotent is never run twice",
    )
}
