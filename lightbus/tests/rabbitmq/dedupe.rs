//! Events that are really on the broker twice, and a subscription that drops repeats.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel};
use lightbus::prelude::*;
use lightbus::{Bus, RecentIds};
use lightbus_test_support::broker::{fresh_namespace, process, process_at, raw_channel};
use lightbus_test_support::relay::{Relay, Traffic};
use lightbus_test_support::wait::{GUARD, eventually, guarded, next};
use tokio::sync::mpsc;

use crate::shop::{ProductRegistered, WarrantyApi, registered};

/// Publishes events as someone does who gives the ids himself.
struct Raw {
    channel: Channel,
    exchange: String,
}

impl Raw {
    async fn new(namespace: &str) -> Self {
        Self { channel: raw_channel().await, exchange: format!("{namespace}.events") }
    }

    async fn publish(&self, id: &str) {
        let body = lightbus::codec::encode(Default::default(), &registered(id)).unwrap().bytes;
        let (exchange, key) = (self.exchange.as_str().into(), "company.warranty.product_registered".into());
        let properties = BasicProperties::default().with_message_id(id.into()).with_delivery_mode(2);
        self.channel.basic_publish(exchange, key, BasicPublishOptions::default(), &body, properties).await.unwrap();
    }
}

/// A handler's attempt: the event's id, which attempt it is, and how to end it.
type Attempt = (String, u32, tokio::sync::oneshot::Sender<Result<(), HandlerError>>);

/// Subscribes with a handler that ends when and as it is told, and drops repeats.
async fn subscribe(bus: &Bus, concurrency: u16, store: RecentIds) -> mpsc::UnboundedReceiver<Attempt> {
    let (sender, attempts) = mpsc::unbounded_channel();
    let handler = move |_: ProductRegistered, ctx: Context| {
        let (end, ended) = tokio::sync::oneshot::channel();
        let _ = sender.send((ctx.message_id().to_owned(), ctx.attempt(), end));
        async move { ended.await.unwrap_or(Ok(())) }
    };
    let subscribe = bus.subscribe("registrations", handler).concurrency(concurrency);
    subscribe.retries(Retries::after([Duration::from_millis(1)])).dedupe(store).await.unwrap();
    attempts
}

fn repeats(bus: &Bus) -> u64 {
    bus.health().consumers[0].repeats
}

/// Takes the next attempt, which has to be the first at that event.
async fn begins(attempts: &mut mpsc::UnboundedReceiver<Attempt>, id: &str) -> Attempt {
    let attempt = next(attempts).await;
    assert_eq!((attempt.0.as_str(), attempt.1), (id, 1));
    attempt
}

fn end(attempt: Attempt, result: Result<(), HandlerError>) {
    attempt.2.send(result).unwrap();
}

#[tokio::test]
async fn an_event_that_is_published_twice_is_handled_once() {
    let namespace = fresh_namespace();
    let (bus, raw) = (process("warranty", &namespace).connect().await.unwrap(), Raw::new(&namespace).await);
    let mut attempts = subscribe(&bus, 1, RecentIds::new(10)).await;
    for id in ["a", "a", "b", "a"] {
        raw.publish(id).await;
    }
    end(begins(&mut attempts, "a").await, Ok(()));
    end(begins(&mut attempts, "b").await, Ok(()));
    eventually("two repeats were dropped", || repeats(&bus) == 2).await;
    bus.shutdown().await;
    assert!(attempts.try_recv().is_err());
}

#[tokio::test]
async fn the_oldest_event_is_forgotten_first() {
    let namespace = fresh_namespace();
    let (bus, raw) = (process("warranty", &namespace).connect().await.unwrap(), Raw::new(&namespace).await);
    let mut attempts = subscribe(&bus, 1, RecentIds::new(2)).await;
    for id in ["a", "b", "c", "b", "a"] {
        raw.publish(id).await;
    }
    for id in ["a", "b", "c", "a"] {
        end(begins(&mut attempts, id).await, Ok(()));
    }
    bus.shutdown().await;
    assert_eq!(repeats(&bus), 1);
}

#[tokio::test]
async fn an_event_waits_while_the_same_one_is_handled() {
    let namespace = fresh_namespace();
    let (bus, raw) = (process("warranty", &namespace).connect().await.unwrap(), Raw::new(&namespace).await);
    let mut attempts = subscribe(&bus, 3, RecentIds::new(10)).await;
    for id in ["a", "a", "b"] {
        raw.publish(id).await;
    }
    // They begin in either order: "b" waits for nobody.
    let (one, other) = (next(&mut attempts).await, next(&mut attempts).await);
    let (a, b) = if one.0 == "a" { (one, other) } else { (other, one) };
    assert_eq!((a.0.as_str(), b.0.as_str()), ("a", "b"));
    assert!(attempts.try_recv().is_err() && repeats(&bus) == 0);
    end(a, Ok(()));
    eventually("the repeat was dropped", || repeats(&bus) == 1).await;
    end(b, Ok(()));
    bus.shutdown().await;
    assert!(attempts.try_recv().is_err());
}

#[tokio::test]
async fn an_event_that_waited_is_handled_when_the_first_has_failed() {
    let namespace = fresh_namespace();
    let (bus, raw) = (process("warranty", &namespace).connect().await.unwrap(), Raw::new(&namespace).await);
    let mut attempts = subscribe(&bus, 2, RecentIds::new(10)).await;
    for _ in 0..2 {
        raw.publish("a").await;
    }
    end(begins(&mut attempts, "a").await, Err(HandlerError::new("out of ink")));
    // The other one or the first one's retry, whichever comes first.
    end(next(&mut attempts).await, Ok(()));
    eventually("the repeat was dropped", || repeats(&bus) == 1).await;
    bus.shutdown().await;
    assert!(attempts.try_recv().is_err());
}

#[tokio::test]
async fn an_event_that_waits_goes_back_when_its_process_stops() {
    let namespace = fresh_namespace();
    let (bus, raw) = (process("warranty", &namespace).connect().await.unwrap(), Raw::new(&namespace).await);
    let mut attempts = subscribe(&bus, 2, RecentIds::new(10)).await;
    for _ in 0..2 {
        raw.publish("a").await;
    }
    let first = begins(&mut attempts, "a").await;
    let stopping = tokio::spawn({
        let bus = bus.clone();
        async move { bus.shutdown().await }
    });
    // Another process gets the second while the first is still being handled: each knows its own only.
    let next_bus = process("warranty", &namespace).connect().await.unwrap();
    let mut next_attempts = subscribe(&next_bus, 2, RecentIds::new(10)).await;
    end(begins(&mut next_attempts, "a").await, Ok(()));
    end(first, Ok(()));
    stopping.await.unwrap();
    next_bus.shutdown().await;
    assert_eq!((repeats(&bus), repeats(&next_bus)), (0, 0));
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_a_repeat() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let desk = process_at(relay.url(), "warranty", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    let audit = process("audit", &namespace).connect().await.unwrap();
    let mut attempts = subscribe(&audit, 1, RecentIds::new(10)).await;
    // The broker gets the event, and its confirmation does not come back.
    relay.set(Traffic::default(), Traffic { held: true, ..Traffic::default() });
    let publishing = tokio::spawn(desk.publish(registered("SN-1")).timeout(GUARD).into_future());
    let (_, attempt, finish) = next(&mut attempts).await;
    assert_eq!(attempt, 1);
    finish.send(Ok(())).unwrap();
    relay.cut();
    relay.restore();
    guarded(publishing).await.unwrap().unwrap();
    eventually("the repeat was dropped", || repeats(&audit) == 1).await;
    desk.shutdown().await;
    audit.shutdown().await;
    assert!(attempts.try_recv().is_err());
}
