//! Messages as AMQP properties, and back. Incoming messages may come from anywhere and are read leniently.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, MAX_SHORT_STRING_LENGTH, ShortString};
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::protocol::message::{
    Encoding, EventMessage, Headers, LONGEST_WAIT, Payload, Reply, ReplyKind, Request, TraceContext, full_name,
    split_full_name,
};
use crate::protocol::text::truncate;

/// The longest time that RabbitMQ takes as an expiry, in milliseconds.
pub(crate) const MAX_EXPIRY: u128 = LONGEST_WAIT.as_millis();

/// The longest trace headers that are read and written, in bytes. A handler passes them on, and a message whose headers do not
/// fit into a frame ends the connection. A `traceparent` has 55 bytes, and a `tracestate` of 512 has to be supported.
const MAX_TRACEPARENT: usize = 255;
const MAX_TRACESTATE: usize = 1024;

/// The address of replies: the channel that the request came from, without a queue.
pub(crate) const REPLY_TO: &str = "amq.rabbitmq.reply-to";

pub(crate) const PERSISTENT: u8 = 2;

/// Headers that RabbitMQ acts upon. They must not take effect again when a message is moved. RabbitMQ drops a message whose
/// `x-death` shows a cycle.
const BROKER_HEADERS: [&str; 3] = ["CC", "BCC", "x-death"];

/// Makes a short string, truncated to AMQP's limit. Names that are used for routing are validated earlier and always fit.
pub(crate) fn short(text: impl Into<String>) -> ShortString {
    let text = text.into();
    let text =
        if text.len() > MAX_SHORT_STRING_LENGTH { truncate(&text, MAX_SHORT_STRING_LENGTH).to_owned() } else { text };
    ShortString::try_new(text).unwrap_or_default()
}

/// Returns the properties of a request that leaves now. It is not persistent: its caller does not survive a crash of the broker
/// either.
pub(crate) fn of_request(request: &Request, now: Instant) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_type(short(request.full_name()))
        .with_correlation_id(short(&*request.id))
        .with_reply_to(short(REPLY_TO))
        .with_app_id(short(&*request.caller));
    if let Some(deadline) = request.deadline {
        properties = properties.with_expiration(expiration(deadline.saturating_duration_since(now)));
    }
    with_headers(with_encoding(properties, &request.payload.encoding), request.trace.as_deref(), &request.headers)
}

/// Returns the properties of a reply to the request with that correlation id.
pub(crate) fn of_reply(reply: &Reply, correlation_id: Option<ShortString>) -> BasicProperties {
    let mut properties = BasicProperties::default().with_app_id(short(&*reply.server));
    if let Some(kind) = reply.kind {
        properties = properties.with_type(short(kind.as_str()));
    }
    if let Some(id) = correlation_id {
        properties = properties.with_correlation_id(id);
    }
    with_encoding(properties, &reply.payload.encoding)
}

/// Returns the properties of an event.
pub(crate) fn of_event(event: &EventMessage) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(short(event.full_name()))
        .with_message_id(short(&*event.id))
        .with_app_id(short(&*event.publisher));
    with_headers(with_encoding(properties, &event.payload.encoding), event.trace.as_deref(), &event.headers)
}

/// Returns the properties of a request that is requeued, or `None` if its caller no longer waits.
pub(crate) fn of_returned_request(request: &BasicProperties, held: Duration) -> Option<BasicProperties> {
    let mut properties = sendable(request);
    if let Some(headers) = sendable_headers(request) {
        properties = properties.with_headers(headers.into());
    }
    match time_left(request) {
        None => Some(properties),
        Some(time_left) => {
            let time_left = time_left.checked_sub(held).filter(|left| !left.is_zero())?;
            Some(properties.with_expiration(expiration(time_left)))
        }
    }
}

/// Returns the type of a message: its property `type`, or the header of that name from a client that cannot set properties.
pub(crate) fn type_of(properties: &BasicProperties) -> &str {
    let header = || properties.headers().as_ref().and_then(|headers| text_in(headers, "type"));
    Some(text_of(properties.kind())).filter(|kind| !kind.is_empty()).or_else(header).unwrap_or_default()
}

/// Reads a request that has just arrived in the queue of an API. If its `type` names another API, all of it becomes the method,
/// which is then unknown.
pub(crate) fn to_request(api: &'static str, properties: &BasicProperties, body: Bytes, now: Instant) -> Request {
    let name = type_of(properties);
    let method = name.strip_prefix(api).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    Request {
        id: SmolStr::new(text_of(properties.correlation_id())),
        api: SmolStr::new_static(api),
        method: SmolStr::new(method),
        caller: SmolStr::new(text_of(properties.app_id())),
        deadline: deadline(properties, now),
        payload: payload(properties, body),
        trace: trace(properties),
        headers: headers(properties),
    }
}

/// Reads a reply, and the id of its call.
pub(crate) fn to_reply(properties: &BasicProperties, body: Bytes) -> (&str, Reply) {
    let reply = Reply {
        kind: ReplyKind::from_wire(type_of(properties)),
        server: SmolStr::new(text_of(properties.app_id())),
        payload: payload(properties, body),
    };
    (text_of(properties.correlation_id()), reply)
}

/// Reads an event, once it is [`named`](crate::transport::amqp::message::failed::named).
pub(crate) fn to_event(properties: &BasicProperties, body: Bytes) -> EventMessage {
    let (api, event) = split_full_name(type_of(properties));
    EventMessage {
        id: SmolStr::new(text_of(properties.message_id())),
        api: SmolStr::new(api),
        event: SmolStr::new(event),
        publisher: SmolStr::new(text_of(properties.app_id())),
        payload: payload(properties, body),
        trace: trace(properties),
        headers: headers(properties),
    }
}

/// Returns the properties of a message that survives a restart of the broker.
pub(crate) fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(PERSISTENT)
}

/// Returns the routing key of an event.
pub(crate) fn routing_key(event: &EventMessage) -> ShortString {
    short(full_name(&event.api, &event.event))
}

/// Copies properties without the headers, the expiration and the `user_id`. The broker closes a channel that sends another user's
/// id.
pub(crate) fn sendable(message: &BasicProperties) -> BasicProperties {
    type With<T> = fn(BasicProperties, T) -> BasicProperties;
    fn carry<T: Clone>(to: BasicProperties, value: &Option<T>, with: With<T>) -> BasicProperties {
        match value {
            Some(value) => with(to, value.clone()),
            None => to,
        }
    }
    let mut to = BasicProperties::default();
    to = carry(to, message.content_type(), BasicProperties::with_content_type);
    to = carry(to, message.content_encoding(), BasicProperties::with_content_encoding);
    to = carry(to, message.delivery_mode(), BasicProperties::with_delivery_mode);
    to = carry(to, message.priority(), BasicProperties::with_priority);
    to = carry(to, message.correlation_id(), BasicProperties::with_correlation_id);
    to = carry(to, message.reply_to(), BasicProperties::with_reply_to);
    to = carry(to, message.message_id(), BasicProperties::with_message_id);
    to = carry(to, message.timestamp(), BasicProperties::with_timestamp);
    to = carry(to, message.kind(), BasicProperties::with_type);
    to = carry(to, message.app_id(), BasicProperties::with_app_id);
    carry(to, message.cluster_id(), BasicProperties::with_cluster_id)
}

pub(crate) fn sendable_headers(message: &BasicProperties) -> Option<BTreeMap<ShortString, AMQPValue>> {
    let mut headers = message.headers().as_ref()?.inner().clone();
    headers.retain(|name, _| {
        let name = name.as_str();
        !BROKER_HEADERS.contains(&name) && !name.starts_with("x-first-death-") && !name.starts_with("x-last-death-")
    });
    Some(headers)
}

fn with_encoding(properties: BasicProperties, encoding: &Encoding) -> BasicProperties {
    match encoding.content_type() {
        Some(content_type) => properties.with_content_type(short(content_type)),
        None => properties,
    }
}

fn with_headers(properties: BasicProperties, trace: Option<&TraceContext>, chosen: &Headers) -> BasicProperties {
    let trace = trace.and_then(|trace| bearable(&trace.traceparent, trace.tracestate.as_deref()));
    if trace.is_none() && chosen.is_empty() {
        return properties;
    }
    let mut headers = FieldTable::default();
    if let Some((traceparent, tracestate)) = trace {
        headers.insert(short("traceparent"), text(traceparent));
        if let Some(tracestate) = tracestate {
            headers.insert(short("tracestate"), text(tracestate));
        }
    }
    for (name, value) in chosen.iter() {
        headers.insert(short(name), text(value));
    }
    properties.with_headers(headers)
}

/// Formats milliseconds, rounded up: a request that is still wanted must not expire at once.
fn expiration(time_left: Duration) -> ShortString {
    let milliseconds = time_left.as_nanos().div_ceil(1_000_000).clamp(1, MAX_EXPIRY);
    short(milliseconds.to_string())
}

/// Returns when the caller stops waiting, given when the request arrived.
pub(crate) fn deadline(properties: &BasicProperties, arrived: Instant) -> Option<Instant> {
    time_left(properties).and_then(|left| arrived.checked_add(left))
}

fn time_left(properties: &BasicProperties) -> Option<Duration> {
    let milliseconds = properties.expiration().as_ref()?.as_str().parse().ok()?;
    Some(Duration::from_millis(milliseconds).min(LONGEST_WAIT))
}

pub(crate) fn payload(properties: &BasicProperties, bytes: Bytes) -> Payload {
    let content_type = properties.content_type().as_ref().map(ShortString::as_str);
    Payload { encoding: Encoding::from_content_type(content_type), bytes }
}

fn trace(properties: &BasicProperties) -> Option<Box<TraceContext>> {
    let headers = properties.headers().as_ref()?;
    let (traceparent, tracestate) = bearable(text_in(headers, "traceparent")?, text_in(headers, "tracestate"))?;
    let tracestate = tracestate.map(str::to_owned);
    Some(Box::new(TraceContext { traceparent: traceparent.to_owned(), tracestate }))
}

/// Reads the headers that applications give to messages. The broker's own, and what breaks a rule, is left out.
pub(crate) fn headers(properties: &BasicProperties) -> Headers {
    let mut headers = Headers::default();
    let Some(table) = properties.headers() else { return headers };
    for (name, value) in table.inner() {
        let name = name.as_str();
        if name.starts_with("x-")
            && let Some(value) = text_value(value)
            && let Err(error) = headers.insert(name, value)
        {
            tracing::trace!("ignored a header of a message: {error}");
        }
    }
    headers
}

/// Returns the parts of a trace that are not too long. A trace works without its state.
fn bearable<'a>(traceparent: &'a str, tracestate: Option<&'a str>) -> Option<(&'a str, Option<&'a str>)> {
    let tracestate = tracestate.filter(|tracestate| tracestate.len() <= MAX_TRACESTATE);
    (traceparent.len() <= MAX_TRACEPARENT).then_some((traceparent, tracestate))
}

/// Returns the text with that name in a table.
pub(crate) fn text_in<'a>(table: &'a FieldTable, name: &str) -> Option<&'a str> {
    text_value(table.inner().get(name)?)
}

pub(crate) fn text_value(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

pub(crate) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

pub(crate) fn text_of(property: &Option<ShortString>) -> &str {
    property.as_ref().map_or("", ShortString::as_str)
}

#[cfg(test)]
#[path = "properties_tests.rs"]
mod tests;
