//! Events that failed, as AMQP properties, and back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use crate::protocol::dead_letter::DeadLetter;
use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::split_full_name;
use crate::protocol::text::truncate;
use crate::transport::amqp::message::properties::{
    PERSISTENT, headers, payload, sendable, sendable_headers, short, text, text_in, text_of, text_value, type_of,
};

/// How much of an error is kept with a failed event, in bytes.
const MAX_ERROR: usize = 4096;

const ATTEMPT: &str = "lightbus-attempt";
const FAILED_AT: &str = "lightbus-failed-at";
const FIRST_FAILED_AT: &str = "lightbus-first-failed-at";

/// Returns the properties of a failed event: its own, and the record of its failure.
pub(crate) fn of_failed_event(event: &BasicProperties, record: &FailureRecord) -> BasicProperties {
    let mut headers = sendable_headers(event).unwrap_or_default();
    for (name, value) in [
        ("lightbus-reason", text(record.reason.as_str())),
        ("lightbus-error", text(truncate(&record.error, MAX_ERROR))),
        (ATTEMPT, AMQPValue::LongLongInt(record.attempt.into())),
        ("lightbus-process", text(&record.process)),
        (FAILED_AT, millis(record.at)),
        (FIRST_FAILED_AT, millis(record.first_at)),
    ] {
        headers.insert(short(name), value);
    }
    // The expiration is dropped, as RabbitMQ does when it dead-letters: a failed event is kept.
    sendable(event).with_delivery_mode(PERSISTENT).with_headers(headers.into())
}

/// Returns the properties of a dead letter that is replayed as if it had never failed.
pub(crate) fn of_replayed_event(letter: &BasicProperties) -> BasicProperties {
    let mut headers = sendable_headers(letter).unwrap_or_default();
    headers.retain(|name, _| !name.as_str().starts_with("lightbus-"));
    let event = sendable(letter).with_delivery_mode(PERSISTENT).with_type(short(name_of_letter(letter)));
    if headers.is_empty() { event } else { event.with_headers(headers.into()) }
}

/// Reads a dead letter. The broker's own dead letters say less.
pub(crate) fn to_dead_letter(letter: &BasicProperties, body: Bytes) -> DeadLetter {
    let name = name_of_letter(letter);
    let (api, event) = split_full_name(&name);
    let reason = if of_broker(letter) {
        FailureReason::DeliveryLimit
    } else {
        FailureReason::from_wire(&string(letter, "lightbus-reason"))
    };
    let time = |name| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(number(letter, name)?));
    DeadLetter {
        id: text_of(letter.message_id()).to_owned(),
        // The bus fills it in.
        subscription: String::new(),
        api: api.to_owned(),
        event: event.to_owned(),
        publisher: text_of(letter.app_id()).to_owned(),
        payload: payload(letter, body),
        headers: headers(letter),
        reason,
        error: string(letter, "lightbus-error"),
        attempts: attempt(letter).0 - 1,
        process: string(letter, "lightbus-process"),
        first_failed_at: time(FIRST_FAILED_AT),
        failed_at: time(FAILED_AT),
    }
}

/// Returns which attempt this delivery is, and when the first attempt failed.
pub(crate) fn attempt(event: &BasicProperties) -> (u32, Option<Duration>) {
    let failed = number(event, ATTEMPT).and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(0);
    let first_failed_at = number(event, FIRST_FAILED_AT).map(Duration::from_millis);
    (failed.saturating_add(1), first_failed_at)
}

/// Adds a missing name or id to an event. It would lose the name with its routing key, and get another id at each delivery.
pub(crate) fn named(routing_key: &str, mut event: BasicProperties) -> BasicProperties {
    if text_of(event.kind()).is_empty() {
        let name = match type_of(&event) {
            "" => short(routing_key),
            name => short(name),
        };
        event = event.with_type(name);
    }
    if text_of(event.message_id()).is_empty() {
        event = event.with_message_id(short(Uuid::now_v7().to_string()));
    }
    event
}

/// Returns the full name of a dead letter's event. A dead letter of the broker's may have it only as its first routing key.
fn name_of_letter(letter: &BasicProperties) -> String {
    match type_of(letter) {
        "" => deaths(letter).last().and_then(first_routing_key).unwrap_or_default().to_owned(),
        name => name.to_owned(),
    }
}

fn first_routing_key(death: &FieldTable) -> Option<&str> {
    match death.inner().get("routing-keys")? {
        AMQPValue::FieldArray(keys) => keys.as_slice().first().and_then(text_value),
        _ => None,
    }
}

/// Whether the broker gave the event up. Lightbus removes `x-death` from every event that it moves itself.
fn of_broker(letter: &BasicProperties) -> bool {
    deaths(letter).any(|death| text_in(death, "reason") == Some(FailureReason::DeliveryLimit.as_str()))
}

/// Returns how the broker has moved a message, the latest move first.
fn deaths(properties: &BasicProperties) -> impl Iterator<Item = &FieldTable> {
    let deaths = properties.headers().as_ref().and_then(|headers| headers.inner().get("x-death"));
    let deaths = match deaths {
        Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice(),
        _ => &[],
    };
    deaths.iter().filter_map(|death| match death {
        AMQPValue::FieldTable(death) => Some(death),
        _ => None,
    })
}

fn millis(time: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Reads a header that is a non-negative integer of any width.
fn number(properties: &BasicProperties, header: &str) -> Option<u64> {
    match *properties.headers().as_ref()?.inner().get(header)? {
        AMQPValue::ShortShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => number.try_into().ok(),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => number.try_into().ok(),
        _ => None,
    }
}

fn string(properties: &BasicProperties, header: &str) -> String {
    properties.headers().as_ref().and_then(|headers| text_in(headers, header)).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "failed_tests.rs"]
mod tests;
