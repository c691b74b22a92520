//! Serves an API: takes requests from the transport, runs them through the dispatcher, answers.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::dispatch::Dispatch;
use super::fault::{Fault, FaultCode};
use super::invocation::{Invocation, Outcome};
use crate::api::{Api, ApiDescriptor};
use crate::context::Context;
use crate::protocol::message::{Reply, Request};
use crate::protocol::name::ServiceName;
use crate::runtime::handler_tasks::HandlerTasks;
use crate::runtime::guard::Guarded;
use crate::runtime::worker_pool::{Job, WorkerPool};
use crate::transport::{RequestDelivery, RequestHandle, RequestSink};

/// Serves one API in one process.
pub(crate) struct Server<D> {
    shared: Arc<Shared<D>>,
    workers: WorkerPool<CallJob<D>>,
}

struct Shared<D> {
    api: &'static ApiDescriptor,
    dispatcher: D,
    settings: ServerSettings,
}

#[derive(Debug)]
pub(crate) struct ServerSettings {
    pub(crate) service: ServiceName,
    /// How many calls run at a time.
    pub(crate) concurrency: u16,
    pub(crate) max_message_size: usize,
    pub(crate) tasks: HandlerTasks,
}

impl<D: Dispatch> Server<D> {
    pub(crate) fn new(dispatcher: D, settings: ServerSettings) -> Self {
        let api = D::Api::DESCRIPTOR;
        let workers = WorkerPool::new(settings.tasks.clone(), settings.concurrency);
        Self { shared: Arc::new(Shared { api, dispatcher, settings }), workers }
    }
}

impl<D: Dispatch> RequestSink for Server<D> {
    fn deliver(&self, delivery: RequestDelivery) {
        let RequestDelivery { request, redelivered, handle } = delivery;
        let Request { id, method, caller, deadline, payload, trace, .. } = request;
        let context = Context::new(caller, id, 1, deadline, trace);
        let job = CallJob {
            shared: Arc::clone(&self.shared),
            invocation: Invocation::new(self.shared.api, method, payload, context),
            redelivered,
            handle,
        };
        self.workers.run(job);
    }
}

impl<D> fmt::Debug for Server<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("api", &self.shared.api.name()).finish_non_exhaustive()
    }
}

/// A request on its way from its arrival to its answer.
struct CallJob<D> {
    shared: Arc<Shared<D>>,
    invocation: Invocation,
    redelivered: bool,
    handle: Box<dyn RequestHandle>,
}

impl<D: Dispatch> Job for CallJob<D> {
    /// An `async fn` would store its parameters twice, and so would whoever awaits a future that is not pinned here: every call
    /// would carry twice the state of its method.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    fn run(mut self) -> impl Future<Output = ()> + Send {
        async move {
            let tasks = &self.shared.settings.tasks;
            let api = self.shared.api;
            if self.invocation.context().deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                let method = self.invocation.method();
                tracing::debug!(api = api.name(), method, "dropped a call whose deadline has passed");
                self.handle.accept();
                return;
            }
            let idempotent = api.method(self.invocation.method()).is_some_and(|method| method.is_idempotent());
            // Nobody runs it again from now on: it is off the queue, or comes back as one that may have been run.
            if !idempotent && !self.handle.accept() {
                return;
            }
            let outcome = if self.redelivered && !idempotent {
                Some(self.invocation.fault(&outcome_unknown()))
            } else {
                tasks.unless_aborted(pin!(self.shared.dispatch(&self.invocation))).await
            };
            let outcome = match outcome {
                Some(outcome) => outcome,
                // Another server runs it from the start.
                None if idempotent => return self.handle.requeue(self.invocation.into_arguments()),
                None => self.invocation.fault(&shutting_down()),
            };
            let reply = self.shared.reply(outcome);
            if idempotent {
                self.handle.reply_then_accept(reply).await;
            } else {
                self.handle.reply(reply);
            }
        }
    }

    fn decline(self) {
        self.handle.requeue(self.invocation.into_arguments());
    }
}

impl<D: Dispatch> Shared<D> {
    async fn dispatch(&self, invocation: &Invocation) -> Outcome {
        let (size, limit) = (invocation.size(), self.settings.max_message_size);
        if size > limit {
            return invocation.fault(&Fault::too_large(FaultCode::RequestTooLarge, size, limit));
        }
        let dispatched = invocation.context().clone().scope(self.dispatcher.dispatch(invocation));
        match Guarded::new(dispatched).await {
            Ok(outcome) => self.limited(invocation, outcome),
            Err(message) => {
                let method = invocation.method();
                tracing::error!(api = self.api.name(), method, "the handler panicked: {message}");
                invocation.fault(&Fault::new(FaultCode::HandlerPanicked, message))
            }
        }
    }

    fn limited(&self, invocation: &Invocation, outcome: Outcome) -> Outcome {
        let (size, limit) = (outcome.payload.bytes.len(), self.settings.max_message_size);
        if size > limit { invocation.fault(&Fault::too_large(FaultCode::ReplyTooLarge, size, limit)) } else { outcome }
    }

    fn reply(&self, outcome: Outcome) -> Reply {
        Reply { kind: Some(outcome.kind), server: self.settings.service.text(), payload: outcome.payload }
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
