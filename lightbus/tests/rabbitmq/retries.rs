//! What retries are on the wire and on the broker.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use lightbus::Bus;
use lightbus::event::FailureReason;
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{guarded, next};
use tokio::sync::mpsc;

use crate::shop::{ProductRegistered, WarrantyApi, registered};

const HOUR: Duration = Duration::from_secs(3600);

/// Subscribes with a handler that fails on the first attempt, and tells of each attempt.
async fn fail_first(bus: &Bus, retries: Retries) -> mpsc::UnboundedReceiver<(u32, String)> {
    let (sender, attempts) = mpsc::unbounded_channel();
    let handler = move |_: ProductRegistered, ctx: Context| {
        let _ = sender.send((ctx.attempt(), ctx.message_id().to_owned()));
        async move { if ctx.attempt() == 1 { Err(HandlerError::new("out of ink")) } else { Ok(()) } }
    };
    bus.subscribe("registrations", handler).retries(retries).await.unwrap();
    attempts
}

async fn take(channel: &Channel, queue: &str) -> Delivery {
    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer = channel.basic_consume(queue.into(), "".into(), no_ack, FieldTable::default()).await.unwrap();
    guarded(consumer.next()).await.unwrap().unwrap()
}

async fn put(channel: &Channel, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
    let options = BasicPublishOptions::default();
    channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn body() -> Vec<u8> {
    lightbus::codec::encode(Default::default(), &registered("SN-1")).unwrap().bytes.to_vec()
}

#[tokio::test]
async fn an_event_that_waits_for_its_retry_is_as_documented() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    bus.own_api::<WarrantyApi>();
    let mut attempts = fail_first(&bus, Retries::after([HOUR])).await;
    bus.publish(registered("SN-1")).await.unwrap();
    let (_, id) = next(&mut attempts).await;

    let event = take(&channel, &format!("{namespace}.event.warranty.registrations.retry.3600s")).await;
    assert_eq!(event.data, body());
    let properties = &event.properties;
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), id);
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "company.warranty.product_registered");
    assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "warranty");
    assert_eq!((properties.delivery_mode(), properties.expiration()), (&Some(2), &None));
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers["lightbus-attempt"], AMQPValue::LongLongInt(1));
    assert_eq!(headers["lightbus-reason"], text("failed"));
    assert_eq!(headers["lightbus-error"], text("out of ink"));
    let AMQPValue::LongString(process) = &headers["lightbus-process"] else { panic!("{headers:?}") };
    assert!(process.to_string().starts_with("warranty@"), "{process}");
    let AMQPValue::LongLongInt(failed_at) = headers["lightbus-failed-at"] else { panic!("{headers:?}") };
    let failed_at = Duration::from_millis(u64::try_from(failed_at).unwrap());
    assert!(SystemTime::UNIX_EPOCH.elapsed().unwrap().abs_diff(failed_at) < HOUR);
    assert_eq!(headers["lightbus-first-failed-at"], headers["lightbus-failed-at"]);
    assert_eq!(headers.len(), 6);
    bus.shutdown().await;
}

#[tokio::test]
async fn the_queues_of_retries_are_as_documented() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    let delays = [Duration::ZERO, Duration::from_secs(60), Duration::from_millis(1500), Duration::from_secs(60)];
    let _attempts = fail_first(&bus, Retries::after(delays)).await;
    let queue = format!("{namespace}.event.warranty.registrations");
    for (delay, milliseconds) in [("60s", 60_000), ("1500ms", 1500)] {
        // The broker refuses a declaration that differs.
        let arguments = table(&[
            ("x-queue-type", text("quorum")),
            ("x-message-ttl", AMQPValue::LongLongInt(milliseconds)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&queue)),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(format!("{queue}.retry.{delay}").into(), durable, arguments).await.unwrap();
    }
    bus.shutdown().await;
}

#[tokio::test]
async fn a_deleted_retry_queue_is_declared_again() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    bus.own_api::<WarrantyApi>();
    let mut attempts = fail_first(&bus, Retries::after([Duration::from_millis(1)])).await;
    let queue = format!("{namespace}.event.warranty.registrations.retry.1ms");
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    bus.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut attempts).await.0, 1);
    assert_eq!(next(&mut attempts).await.0, 2);
    bus.shutdown().await;
}

#[tokio::test]
async fn an_event_without_id_and_type_keeps_those_it_is_given() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    let mut attempts = fail_first(&bus, Retries::after([Duration::from_millis(1)])).await;
    let exchange = format!("{namespace}.events");
    put(&channel, &exchange, "company.warranty.product_registered", &body(), BasicProperties::default()).await;
    let (first, id) = next(&mut attempts).await;
    assert_eq!(first, 1);
    assert_eq!(next(&mut attempts).await, (2, id));
    bus.shutdown().await;
}

#[tokio::test]
async fn an_event_that_the_broker_dead_lettered_is_retried() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    let mut attempts = fail_first(&bus, Retries::after([Duration::from_millis(1)])).await;
    let queue = format!("{namespace}.event.warranty.registrations");
    // As if moved back by hand. With this header still on it, the broker would take the retry for a circle and drop it.
    let death = table(&[
        ("count", AMQPValue::LongLongInt(1)),
        ("reason", text("delivery_limit")),
        ("queue", text(&queue)),
        ("exchange", text("")),
        ("routing-keys", AMQPValue::FieldArray(vec![text(&queue)].into())),
    ]);
    let deaths = AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into());
    let properties = BasicProperties::default()
        .with_type("company.warranty.product_registered".into())
        .with_headers(table(&[("x-death", deaths)]));
    put(&channel, "", &queue, &body(), properties).await;
    assert_eq!(next(&mut attempts).await.0, 1);
    assert_eq!(next(&mut attempts).await.0, 2);
    bus.shutdown().await;
}

#[tokio::test]
async fn a_dead_letter_whose_subscription_is_gone_stays() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    // As if the subscription had been removed by hand, and its dead letters kept.
    let dead = format!("{namespace}.event.warranty.registrations.dead");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let quorum = table(&[("x-queue-type", text("quorum"))]);
    channel.queue_declare(dead.as_str().into(), durable, quorum).await.unwrap();
    put(&channel, "", &dead, b"\xc1garbage", BasicProperties::default().with_message_id("1".into())).await;
    let dead_letters = bus.dead_letters("registrations");
    let letters = async {
        loop {
            let letters = dead_letters.list(10).await.unwrap();
            if !letters.is_empty() {
                return letters;
            }
        }
    };
    let letters = guarded(letters).await;
    assert_eq!((&*letters[0].payload.bytes, letters[0].reason), (&b"\xc1garbage"[..], FailureReason::Unknown));
    let error = dead_letters.replay("1").await.unwrap_err();
    assert!(error.to_string().contains("that queue does not exist. Start a process"), "{error}");
    // It goes back with the channel that looked.
    assert!(
        guarded(async {
            while dead_letters.list(10).await.unwrap().is_empty() {}
            dead_letters.discard("1").await.unwrap()
        })
        .await
    );
    bus.shutdown().await;
}

#[tokio::test]
async fn listing_dead_letters_reads_no_more_of_them_than_asked_for() {
    const LETTERS: u64 = 20;

    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    let dead = format!("{namespace}.event.warranty.registrations.dead");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    // As a subscription declares it: without a limit, RabbitMQ requeues messages behind all others.
    let limit = AMQPValue::LongLongInt(i32::MAX.into());
    let quorum = table(&[("x-queue-type", text("quorum")), ("x-delivery-limit", limit)]);
    channel.queue_declare(dead.as_str().into(), durable, quorum).await.unwrap();
    for number in 1..=LETTERS {
        let properties = BasicProperties::default().with_message_id(number.to_string().into());
        put(&channel, "", &dead, b"\xc1garbage", properties).await;
    }
    let dead_letters = bus.dead_letters("registrations");
    guarded(async { while dead_letters.count().await.unwrap() < LETTERS {} }).await;
    for _ in 0..3 {
        let listed = dead_letters.list(2).await.unwrap();
        assert_eq!(listed.iter().map(|letter| &*letter.id).collect::<Vec<_>>(), ["1", "2"]);
    }
    bus.shutdown().await;
    let mut redelivered = Vec::new();
    for _ in 0..LETTERS {
        let message = channel.basic_get(dead.as_str().into(), BasicGetOptions { no_ack: true }).await.unwrap().unwrap();
        redelivered.push(message.delivery.redelivered);
    }
    // Those that were read before are read again, and one that was not.
    assert_eq!(redelivered.iter().filter(|redelivered| **redelivered).count(), 4, "{redelivered:?}");
}
