//! Whatever the properties of a message are, they are read without harm, and what is sent on fits into a frame.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::BasicProperties;
use lapin::protocol::basic::{gen_properties, parse_properties};
use lapin::types::{AMQPValue, DecimalValue, FieldTable, MAX_SHORT_STRING_LENGTH, ShortString};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::Instant;

use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::{LONGEST_WAIT, Reply, ReplyKind, Request};
use crate::transport::CallOutcome;
use crate::transport::amqp::message::excess_headers::{drop_excess_headers, size_of};
use crate::transport::amqp::message::failed::{attempt, named, of_failed_event, of_replayed_event, to_dead_letter};
use crate::transport::amqp::message::properties::{
    of_event, of_reply, of_request, of_returned_request, routing_key, short, to_event, to_reply, to_request,
};
use crate::transport::pending_calls::PendingCalls;

const API: &str = "company.warranty";
const FRAME_MAX: u32 = 128 * 1024;

/// How long the properties of a message of our own may be, whatever another one's were that it is made of: no broker's
/// frames are shorter.
const OUR_OWN: u64 = 8 * 1024;

/// The words that are looked for, and others.
fn word() -> impl Strategy<Value = ShortString> {
    const WORDS: &[&str] = &[
        "",
        "company.warranty.check",
        "company.warranty.",
        ".",
        "ok",
        "error",
        "fault",
        "application/json; x",
        "-1",
        "0",
        "18446744073709551615",
        "99999999999999999999",
        "amq.rabbitmq.reply-to",
    ];
    prop_oneof![
        select(WORDS).prop_map(short),
        any::<String>().prop_map(short),
        Just(short("ü".repeat(MAX_SHORT_STRING_LENGTH))),
    ]
}

fn value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        Just(AMQPValue::Void),
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        Just(AMQPValue::LongLongInt(i64::MAX)),
        (-1e30_f32..1e30).prop_map(AMQPValue::Float),
        (-1e30_f64..1e30).prop_map(AMQPValue::Double),
        any::<(u8, u32)>().prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        vec(any::<u8>(), 0..64).prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        word().prop_map(|word| AMQPValue::LongString(word.as_str().into())),
        vec(any::<u8>(), 0..64).prop_map(|bytes| AMQPValue::ByteArray(bytes.into())),
        (0..120_000_usize).prop_map(|length| AMQPValue::LongString("x".repeat(length).into())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| AMQPValue::FieldArray(values.into())),
            table(inner).prop_map(AMQPValue::FieldTable),
        ]
    })
}

fn table(value: impl Strategy<Value = AMQPValue>) -> impl Strategy<Value = FieldTable> {
    const NAMES: &[&str] = &[
        "traceparent",
        "tracestate",
        "CC",
        "BCC",
        "x-death",
        "x-first-death-reason",
        "x-tenant",
        "x-token",
        "lightbus-attempt",
        "lightbus-reason",
        "lightbus-error",
        "lightbus-failed-at",
        "lightbus-first-failed-at",
        "lightbus-process",
        "reason",
        "routing-keys",
    ];
    let name = prop_oneof![4 => select(NAMES).prop_map(short), 1 => word()];
    vec((name, value), 0..6).prop_map(|entries| {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert(name, value);
        }
        table
    })
}

fn properties() -> impl Strategy<Value = BasicProperties> {
    let words = vec(proptest::option::of(word()), 11);
    (words, proptest::option::of(table(value())), any::<(Option<u8>, Option<u64>)>()).prop_map(
        |(words, headers, (number, timestamp))| {
            type With = fn(BasicProperties, ShortString) -> BasicProperties;
            const WITH: [With; 11] = [
                BasicProperties::with_content_type,
                BasicProperties::with_content_encoding,
                BasicProperties::with_correlation_id,
                BasicProperties::with_reply_to,
                BasicProperties::with_expiration,
                BasicProperties::with_message_id,
                BasicProperties::with_type,
                BasicProperties::with_user_id,
                BasicProperties::with_app_id,
                BasicProperties::with_cluster_id,
                |properties, _| properties,
            ];
            let mut properties = BasicProperties::default();
            for (with, word) in WITH.into_iter().zip(words) {
                properties = match word {
                    Some(word) => with(properties, word),
                    None => properties,
                };
            }
            if let Some(headers) = headers {
                properties = properties.with_headers(headers);
            }
            if let Some(number) = number {
                properties = properties.with_delivery_mode(number).with_priority(number);
            }
            timestamp.map_or(properties.clone(), |timestamp| properties.with_timestamp(timestamp))
        },
    )
}

/// Checks that properties can be sent, and come back as they are.
fn assert_sendable(properties: &BasicProperties) {
    let (bytes, _) = gen_properties(properties)(Vec::new().into()).unwrap().into_inner();
    let (rest, parsed) = parse_properties(&*bytes).unwrap();
    assert!(rest.is_empty());
    assert_eq!(&parsed, properties);
}

/// As before it is moved to another queue.
fn assert_movable(mut properties: BasicProperties) {
    drop_excess_headers(&mut properties, FRAME_MAX);
    assert!(size_of(&properties) < u64::from(FRAME_MAX));
    assert_sendable(&properties);
}

fn assert_ours(properties: &BasicProperties) {
    assert!(size_of(properties) < OUR_OWN, "{}", size_of(properties));
    assert_sendable(properties);
}

proptest! {
    #[test]
    fn arbitrary_requests_are_read(properties in properties(), held: u32) {
        let now = Instant::now();
        let request = to_request(API, &properties, Bytes::new(), now);
        prop_assert!(request.deadline.is_none_or(|deadline| deadline <= now + LONGEST_WAIT));
        if let Some(returned) = of_returned_request(&properties, Duration::from_millis(held.into())) {
            prop_assert!(size_of(&returned) <= size_of(&properties));
        }
        let reply = Reply { kind: Some(ReplyKind::Fault), server: "warranty".into(), payload: request.payload.clone() };
        assert_ours(&of_reply(&reply, properties.correlation_id().clone()));
        // As a handler calls and publishes on behalf of what it was sent.
        assert_ours(&of_request(&Request { deadline: Some(now + LONGEST_WAIT * 2), ..request }, now));
    }

    #[test]
    fn any_reply_is_read_and_reaches_no_other_call(properties in properties(), id: String) {
        let calls = PendingCalls::default();
        let own = "k3v9x2ab-1f";
        let mut pending = calls.register(own.into()).unwrap();
        let (correlation_id, reply) = to_reply(&properties, Bytes::new());
        for id in [correlation_id, &id, &format!("{id}{own}"), &format!("{own}{id}")] {
            if id != own {
                calls.complete(id, CallOutcome::Reply(reply.clone()));
                calls.complete(id, CallOutcome::NoServer);
            }
        }
        prop_assert!(pending.outcome().now_or_never().is_none());
    }

    #[test]
    fn arbitrary_events_are_read_and_moved(properties in properties(), key in word(), error: String) {
        let properties = named(key.as_str(), properties);
        let event = to_event(&properties, Bytes::new());
        routing_key(&event);
        assert_ours(&of_event(&event));
        let (attempt, first_at) = attempt(&properties);
        let record = FailureRecord {
            reason: FailureReason::Undecodable,
            error: error.repeat(100),
            attempt,
            process: "warranty@host:1".into(),
            at: Duration::from_secs(1),
            first_at: first_at.unwrap_or(Duration::MAX),
        };
        let failed = of_failed_event(&properties, &record);
        let letter = to_dead_letter(&failed, Bytes::new());
        prop_assert_eq!((&letter.api, &letter.event), (&event.api.to_string(), &event.event.to_string()));
        prop_assert_eq!(letter.attempts, attempt.min(u32::MAX - 1));
        assert_movable(of_replayed_event(&failed));
        assert_movable(failed);
    }

    #[test]
    fn arbitrary_dead_letters_are_read_and_replayed(properties in properties()) {
        let letter = to_dead_letter(&properties, Bytes::new());
        prop_assert!(letter.error.len() <= size_of(&properties).try_into().unwrap());
        assert_movable(of_replayed_event(&properties));
    }
}
