//! Spans around what a process sends and handles, named by OpenTelemetry's conventions for RPC and messaging.
//!
//! A span that nobody listens to is made without looking at its fields.

use tracing::{Span, field};

use crate::stats::Outcome;

/// A call that this process makes.
pub(crate) fn call(api: &str, method: &str) -> Span {
    tracing::info_span!(
        target: "lightbus",
        "call",
        "otel.name" = %format_args!("{api}/{method}"),
        "otel.kind" = "client",
        "rpc.system.name" = "lightbus",
        "rpc.method" = %format_args!("{api}/{method}"),
        "rpc.status_code" = field::Empty,
        "error.type" = field::Empty,
        "otel.status_code" = field::Empty,
        "otel.status_description" = field::Empty,
    )
}

/// A call that this process answers.
pub(crate) fn serve(api: &str, method: &str) -> Span {
    tracing::info_span!(
        target: "lightbus",
        "serve",
        "otel.name" = %format_args!("{api}/{method}"),
        "otel.kind" = "server",
        "rpc.system.name" = "lightbus",
        "rpc.method" = %format_args!("{api}/{method}"),
        "rpc.status_code" = field::Empty,
        "error.type" = field::Empty,
        "otel.status_code" = field::Empty,
        "otel.status_description" = field::Empty,
    )
}

/// An event that this process publishes.
pub(crate) fn publish(api: &str, event: &str) -> Span {
    tracing::info_span!(
        target: "lightbus",
        "publish",
        "otel.name" = %format_args!("publish {api}.{event}"),
        "otel.kind" = "producer",
        "messaging.system" = "lightbus",
        "messaging.operation.name" = "publish",
        "messaging.operation.type" = "send",
        "messaging.destination.name" = %format_args!("{api}.{event}"),
        "messaging.message.id" = field::Empty,
        "error.type" = field::Empty,
        "otel.status_code" = field::Empty,
        "otel.status_description" = field::Empty,
    )
}

/// An event that this process handles.
pub(crate) fn handle(api: &str, event: &str, subscription: &str, id: &str, attempt: u32) -> Span {
    tracing::info_span!(
        target: "lightbus",
        "handle",
        "otel.name" = %format_args!("process {api}.{event}"),
        "otel.kind" = "consumer",
        "messaging.system" = "lightbus",
        "messaging.operation.name" = "process",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = %format_args!("{api}.{event}"),
        "messaging.destination.subscription.name" = subscription,
        "messaging.message.id" = id,
        "lightbus.attempt" = attempt,
        "error.type" = field::Empty,
        "otel.status_code" = field::Empty,
        "otel.status_description" = field::Empty,
    )
}

/// Which side of a message a span is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Sent,
    Received,
}

/// Notes how the message ended. A method's own error is an error of the call, and not of the server.
pub(crate) fn end(span: &Span, side: Side, outcome: Outcome, error: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    // Ignored where the span has no such field.
    span.record("rpc.status_code", outcome.as_str());
    if outcome.is_success() || (side == Side::Received && outcome == Outcome::MethodError) {
        return;
    }
    span.record("error.type", outcome.as_str());
    span.record("otel.status_code", "ERROR");
    if let Some(error) = error {
        span.record("otel.status_description", error);
    }
}
