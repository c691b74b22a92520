//! Calls on their way through layers, on both sides.

use std::sync::atomic::{AtomicBool, Ordering};

use smol_str::SmolStr;
use tokio::time::Instant;

use super::caller::Caller;
use super::completion::Completion;
use super::dispatch::Dispatch;
use super::error::MessageKind;
use super::fault::{Fault, FaultCode};
use super::invocation::{Invocation, Outcome};
use crate::api::ApiDescriptor;
use crate::layer::{self, BoxFuture, End, Kind, Layers, Message, Occasion, Parts, run_until};
use crate::protocol::codec;
use crate::protocol::message::{Encoding, Payload, Reply, ReplyKind, Request};
use crate::stats;
use crate::transport::CallOutcome;

/// Makes a call through layers.
pub(super) async fn call(
    layers: &Layers,
    caller: &Caller,
    request: Box<Request>,
    idempotent: bool,
    deadline: Instant,
) -> Completion {
    let Request { id, api, method, caller: service, payload, trace, headers, .. } = *request;
    let mut message = Message::new(Parts {
        occasion: Occasion::Call,
        id,
        api,
        name: method,
        service,
        subscription: None,
        attempt: 1,
        deadline: Some(deadline),
        idempotent,
        headers,
        payload,
        trace,
    });
    let end = CallEnd { caller, deadline, again: AtomicBool::new(false) };
    let outcome = match layers.get(&end) {
        Some(next) => run_until(next, &mut message, deadline).await,
        None => Some(end.run(&mut message).await),
    };
    outcome.map_or(Completion::Outcome(CallOutcome::DeadlineExceeded { servers: None }), completion)
}

/// Sends a call and waits for its answer.
struct CallEnd<'c> {
    caller: &'c Caller,
    deadline: Instant,
    /// The call was sent before, and needs another id.
    again: AtomicBool,
}

impl End for CallEnd<'_> {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, layer::Outcome> {
        if self.again.swap(true, Ordering::Relaxed) {
            message.parts.id = self.caller.next_id();
        }
        let Parts { id, api, name, service, headers, payload, trace, .. } = &message.parts;
        let (size, limit) = (payload.bytes.len(), self.caller.max_message_size());
        if size > limit {
            let completion = Completion::TooLarge { what: MessageKind::Request, size, limit };
            return Box::pin(async move { outcome(completion) });
        }
        let request = Request {
            id: id.clone(),
            api: api.clone(),
            method: name.clone(),
            caller: service.clone(),
            deadline: Some(self.deadline),
            payload: payload.clone(),
            trace: trace.clone(),
            headers: headers.clone(),
        };
        Box::pin(async move { outcome(self.caller.exchange(Box::new(request), self.deadline).await) })
    }
}

/// How a call ended, as layers see it.
fn outcome(completion: Completion) -> layer::Outcome {
    match completion {
        Completion::Outcome(CallOutcome::Reply(Reply { kind: Some(kind), payload, .. })) => {
            layer::Outcome { kind: Kind::Reply(kind, payload) }
        }
        other => {
            let status = other.outcome().unwrap_or(stats::Outcome::InvalidReply).as_str();
            layer::Outcome::other(status, format!("the call ended with {status}"), other)
        }
    }
}

/// How a call ended after its layers.
fn completion(outcome: layer::Outcome) -> Completion {
    let (kind, payload) = match outcome.kind {
        Kind::Reply(kind, payload) => (kind, payload),
        Kind::Done => (ReplyKind::Ok, nothing(Encoding::MessagePack)),
        Kind::Refused(reason) | Kind::Failed(reason) => return Completion::Refused(reason),
        Kind::Other { error, detail, .. } => {
            return detail.downcast().map_or(Completion::Refused(error), |completion: Box<Completion>| *completion);
        }
    };
    Completion::Outcome(CallOutcome::Reply(Reply { kind: Some(kind), server: SmolStr::default(), payload }))
}

/// A dispatcher as an object.
pub(super) trait DynDispatch: Sync {
    fn dispatch_boxed<'i>(&'i self, invocation: &'i Invocation) -> BoxFuture<'i, Outcome>;
}

impl<D: Dispatch> DynDispatch for D {
    fn dispatch_boxed<'i>(&'i self, invocation: &'i Invocation) -> BoxFuture<'i, Outcome> {
        Box::pin(async move { self.dispatch(invocation).await.unwrap_or_else(|fault| fault) })
    }
}

/// Answers a call through layers.
pub(super) async fn serve(
    layers: &Layers,
    api: &'static ApiDescriptor,
    invocation: &Invocation,
    dispatcher: &dyn DynDispatch,
) -> Outcome {
    let context = invocation.context();
    let method = invocation.method();
    let mut message = Message::new(Parts {
        occasion: Occasion::Serve,
        id: context.message_id().into(),
        api: SmolStr::new_static(api.name()),
        name: method.into(),
        service: context.service().into(),
        subscription: None,
        attempt: 1,
        deadline: context.deadline(),
        idempotent: api.method(method).is_some_and(|method| method.is_idempotent()),
        headers: context.headers().clone(),
        payload: invocation.as_arguments().clone(),
        trace: None,
    });
    let end = ServeEnd { api, invocation, dispatcher };
    let outcome = match layers.get(&end) {
        Some(next) => next.run(&mut message).await,
        None => end.run(&mut message).await,
    };
    let encoding = &invocation.as_arguments().encoding;
    match outcome.kind {
        Kind::Reply(kind, payload) => transcoded(invocation, kind, payload),
        Kind::Done => Outcome { kind: ReplyKind::Ok, payload: nothing(encoding.clone()), fault: None },
        Kind::Refused(reason) | Kind::Failed(reason) | Kind::Other { error: reason, .. } => {
            invocation.fault(&Fault::new(FaultCode::Refused, reason))
        }
    }
}

/// An answer in the encoding of its request. A layer may have another one.
fn transcoded(invocation: &Invocation, kind: ReplyKind, payload: Payload) -> Outcome {
    let asked = match &invocation.as_arguments().encoding {
        Encoding::Json => Encoding::Json,
        _ => Encoding::MessagePack,
    };
    let fault = if kind == ReplyKind::Fault { codec::decode(&payload).ok() } else { None };
    if payload.encoding == asked {
        return Outcome { kind, payload, fault };
    }
    let value = codec::decode::<serde_json::Value>(&payload).map_err(|error| error.to_string());
    match value.and_then(|value| codec::encode(asked, &value).map_err(|error| error.to_string())) {
        Ok(payload) => Outcome { kind, payload, fault },
        Err(error) => invocation.fault(&Fault::new(FaultCode::InvalidReply, error)),
    }
}

fn nothing(encoding: Encoding) -> Payload {
    // `()` always encodes.
    codec::encode(encoding, &()).unwrap_or_default()
}

/// Runs the method.
struct ServeEnd<'s> {
    api: &'static ApiDescriptor,
    invocation: &'s Invocation,
    dispatcher: &'s dyn DynDispatch,
}

impl End for ServeEnd<'_> {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, layer::Outcome> {
        let Parts { name, headers, payload, .. } = &message.parts;
        let context = self.invocation.context().layered(headers.clone(), message.extensions().clone());
        let invocation = Invocation::new(self.api, name.clone(), payload.clone(), context.clone());
        Box::pin(context.scope(async move {
            let Outcome { kind, payload, .. } = self.dispatcher.dispatch_boxed(&invocation).await;
            layer::Outcome { kind: Kind::Reply(kind, payload) }
        }))
    }
}
