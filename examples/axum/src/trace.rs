//! Takes the trace of an HTTP request, so that calls can continue it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use lightbus::Call;
use lightbus::message::TraceContext;

/// The [trace](https://www.w3.org/TR/trace-context/) that an HTTP request belongs to, if it belongs to one.
#[derive(Debug, Clone)]
pub struct Trace(Option<TraceContext>);

impl Trace {
    /// Makes a call part of the trace.
    pub fn on<T, E>(&self, call: Call<T, E>) -> Call<T, E> {
        match &self.0 {
            Some(trace) => call.trace(trace.clone()),
            None => call,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let traceparent = header(&parts.headers, "traceparent");
        Ok(Self(
            traceparent
                .map(|traceparent| TraceContext { traceparent, tracestate: header(&parts.headers, "tracestate") }),
        ))
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
