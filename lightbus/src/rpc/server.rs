//! Serves an API: takes requests from the transport, runs them through the dispatcher, answers.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;
use tokio::time::Instant;
use tracing::Instrument;

use super::dispatch::Dispatch;
use super::fault::{Fault, FaultCode};
use super::invocation::{Invocation, Outcome};
use super::layered;
use crate::api::{Api, ApiDescriptor};
use crate::context::Context;
use crate::layer::Layers;
use crate::meter::{Handled, MeterGroup, Received};
use crate::protocol::message::{Reply, ReplyKind, Request};
use crate::protocol::name::ServiceName;
use crate::runtime::guard::Guarded;
use crate::runtime::handler_tasks::HandlerTasks;
use crate::runtime::worker_pool::{Job, WorkerPool};
use crate::span;
use crate::stats;
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
    /// Counts the calls. `None` for questions about the process itself.
    pub(crate) meters: Option<Arc<MeterGroup>>,
    pub(crate) layers: Layers,
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
        let Request { id, method, caller, deadline, payload, trace, headers, .. } = request;
        let context = Context::new(caller, id, 1, deadline, trace, headers);
        let meters = self.shared.settings.meters.as_ref();
        let job = CallJob {
            shared: Arc::clone(&self.shared),
            received: meters.map_or_else(Received::uncounted, |meters| Arc::clone(meters.of(&method)).receive()),
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
    received: Received,
    handle: Box<dyn RequestHandle>,
}

impl<D: Dispatch> Job for CallJob<D> {
    async fn run(self) {
        let Self { shared, invocation, redelivered, mut received, handle } = self;
        let (tasks, api, method) = (&shared.settings.tasks, shared.api, invocation.method());
        let now = Instant::now();
        received.start(now);
        if invocation.context().deadline().is_some_and(|deadline| deadline <= now) {
            tracing::debug!(api = api.name(), method, "dropped a call whose deadline has passed");
            shared.end(received, &invocation, stats::Outcome::DeadlineExceeded, None);
            handle.accept();
            return;
        }
        let idempotent = api.method(method).is_some_and(|method| method.is_idempotent());
        if !handle.is_current() {
            return;
        }
        let outcome = if redelivered && !idempotent {
            Some(invocation.fault(&outcome_unknown()))
        } else {
            let span =
                received.in_span(|| span::serve(api.name(), api.method(method).map_or("*", |method| method.name())));
            tasks.unless_aborted(shared.dispatch(&invocation).instrument(span)).await
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            // Another server runs it from the start.
            None if idempotent => return handle.requeue(invocation.into_arguments()),
            None => invocation.fault(&shutting_down()),
        };
        shared.end_with(received, &invocation, &outcome);
        if idempotent {
            handle.reply_then_accept(shared.reply(outcome)).await;
        } else {
            handle.reply(shared.reply(outcome));
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
        let context = invocation.context().clone();
        let layers = &self.settings.layers;
        let dispatched = if layers.is_empty() {
            let dispatched = self.dispatcher.dispatch(invocation);
            Guarded::new(context.scope(dispatched)).await.map(|result| result.unwrap_or_else(|fault| fault))
        } else {
            Guarded::new(context.scope(layered::serve(layers, self.api, invocation, &self.dispatcher))).await
        };
        match dispatched {
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

    fn end_with(&self, received: Received, invocation: &Invocation, outcome: &Outcome) {
        let (counted, error) = match (&outcome.fault, outcome.kind) {
            (Some(fault), _) => (fault.code.outcome(), Some(&*fault.message)),
            (None, ReplyKind::Error) => (stats::Outcome::MethodError, None),
            (None, _) => (stats::Outcome::Ok, None),
        };
        self.end(received, invocation, counted, error);
    }

    fn end(&self, received: Received, invocation: &Invocation, outcome: stats::Outcome, error: Option<&str>) {
        let (context, api) = (invocation.context(), SmolStr::new_static(self.api.name()));
        received.end(&Handled {
            id: context.id(),
            api: &api,
            member: invocation.method_name(),
            sender: context.sender(),
            attempt: 1,
            outcome,
            error,
            next: None,
        });
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
