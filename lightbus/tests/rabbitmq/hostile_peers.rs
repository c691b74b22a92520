//! What peers send that no peer should: nothing of it harms a process, and nothing is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lightbus::event::AnyEvent;
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{GUARD, eventually, guarded, next};
use tokio::sync::mpsc;
use tokio::time::interval;

use crate::garbage::{Garbage, deep};
use crate::queues;
use crate::raw::{CORRELATION_ID, HEADERS, REPLY_TO, RawClient, TYPE, entry, long, short};
use crate::shop::{self, ProductRegistered, WarrantyApi, WarrantyClient, registered};

const EVENT: &str = "company.warranty.product_registered";

/// How many messages of each kind are thrown at a process.
const MESSAGES: usize = 200;

/// Enough for a call when the connections stand.
const SOON: Duration = Duration::from_secs(1);

/// How often is looked for dead letters.
const LOOK: Duration = Duration::from_millis(20);

/// An API whose calls are taken off their queue only after they are answered.
#[lightbus::api(name = "company.meter")]
pub trait Meter {
    #[rpc(idempotent)]
    async fn read(&self) -> u32;
}

struct Gas;

impl Meter for Gas {
    async fn read(&self) -> u32 {
        7
    }
}

/// The properties that end lapin's connection, or its process, unless they are dealt with before it reads them.
fn unreadable() -> Vec<Vec<(u16, Vec<u8>)>> {
    let table = |entries: Vec<u8>| vec![(HEADERS, long(&entries))];
    vec![
        vec![(TYPE, short(b"company.warranty.\xff"))],
        vec![(CORRELATION_ID, short(b"\xe2\x82"))],
        table(entry(b"\xff\xfe", b'V', b"")),
        table([short(b"deep"), deep(b'F')].concat()),
        table([short(b"deep"), deep(b'A')].concat()),
    ]
}

async fn serve_and_call(namespace: &str) -> (Bus, Bus) {
    let server = process("warranty", namespace).connect().await.unwrap();
    let (_, gate) = shop::serve(&server).await;
    gate.add_permits(10 * MESSAGES);
    let caller = process("support", namespace).connect().await.unwrap();
    (server, caller)
}

async fn assert_served(caller: &Bus) {
    WarrantyClient::new(caller).check("SN-0042").timeout(GUARD).await.unwrap();
}

#[tokio::test]
async fn requests_that_lapin_cannot_read_do_not_wedge_a_server() {
    let namespace = fresh_namespace();
    let (server, caller) = serve_and_call(&namespace).await;
    let (mut peer, queue) = (RawClient::connect().await, format!("{namespace}.rpc.company.warranty"));
    for properties in unreadable() {
        assert!(peer.publish("", queue.as_bytes(), &properties, b"\x80").await);
        assert_served(&caller).await;
    }
    caller.shutdown().await;
    server.shutdown().await;
    assert_eq!(queues::look(&queue).await.message_count(), 0);
}

/// RabbitMQ 3.10 closes the connection of whoever answers there.
#[tokio::test]
async fn a_reply_address_that_the_broker_cannot_read_costs_one_connection() {
    let namespace = fresh_namespace();
    let server = process("meter", &namespace).connect().await.unwrap();
    server.serve(MeterServer::new(Gas)).await.unwrap();
    let caller = process("support", &namespace).connect().await.unwrap();
    let properties = [(TYPE, short(b"company.meter.read")), (REPLY_TO, short(b"amq.rabbitmq.reply-to.a.b"))];
    let (mut peer, queue) = (RawClient::connect().await, format!("{namespace}.rpc.company.meter"));
    assert!(peer.publish("", queue.as_bytes(), &properties, b"\x80").await);
    let meter = MeterClient::new(&caller);
    // An answer that was on its way on that connection may be lost with it.
    guarded(async { while meter.read().timeout(SOON).await.is_err() {} }).await;
    for _ in 0..3 {
        assert_eq!(meter.read().timeout(GUARD).await.unwrap(), 7);
    }
    caller.shutdown().await;
    server.shutdown().await;
    assert_eq!(queues::look(&queue).await.message_count(), 0);
}

#[tokio::test]
async fn events_that_lapin_cannot_read_become_dead_letters() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    bus.own_api::<WarrantyApi>();
    let mut events = shop::collect(&bus).await;
    let mut audited = audit(&bus).await;
    let (mut peer, exchange) = (RawClient::connect().await, format!("{namespace}.events"));
    let bodies: Vec<Vec<u8>> = unreadable().iter().zip(0..).map(|(_, number)| vec![0xc1, number]).collect();
    for (properties, body) in unreadable().iter().zip(&bodies) {
        assert!(peer.publish(&exchange, EVENT.as_bytes(), properties, body).await);
    }
    assert!(peer.publish(&exchange, b"company.\xff", &[], b"\xc1key").await);
    bus.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut events).await, "SN-1");
    let mut seen = Vec::new();
    while seen.len() < bodies.len() + 2 {
        seen.push(next(&mut audited).await);
    }
    assert!(seen.contains(&b"\xc1key".to_vec()) && bodies.iter().all(|body| seen.contains(body)));
    assert_eq!(counted(dead_letters(&bus, "registrations", bodies.len()).await), counted(bodies));
    bus.shutdown().await;
}

#[tokio::test]
async fn an_event_without_room_for_the_failure_record_becomes_a_dead_letter() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    let mut events = shop::collect(&bus).await;
    let headers = [entry(b"large", b'S', &long(&[b'x'; 130_900])), entry(b"tenant", b'S', &long(b"7"))].concat();
    let mut peer = RawClient::connect().await;
    let (exchange, properties) = (format!("{namespace}.events"), [(HEADERS, long(&headers))]);
    assert!(peer.publish(&exchange, EVENT.as_bytes(), &properties, b"\xc1").await);
    assert_eq!(dead_letters(&bus, "registrations", 1).await, [b"\xc1"]);
    assert!(bus.health().is_healthy());

    // What it had besides is still there.
    let channel = raw_channel().await;
    let dead = format!("{namespace}.event.warranty.registrations.dead");
    let mut dead = channel
        .basic_consume(dead.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await
        .unwrap();
    let letter = guarded(dead.next()).await.unwrap().unwrap();
    let headers = letter.properties.headers().clone().unwrap();
    assert!(headers.contains_key("tenant") && headers.contains_key("lightbus-error") && !headers.contains_key("large"));
    assert!(events.try_recv().is_err());
    bus.shutdown().await;
}

#[tokio::test]
async fn garbage_requests_leave_the_queue_empty() {
    let namespace = fresh_namespace();
    let (server, caller) = serve_and_call(&namespace).await;
    let (mut peer, queue) = (RawClient::connect().await, format!("{namespace}.rpc.company.warranty"));
    let mut garbage = Garbage::of(&namespace, &[0x80]);
    let mut sent = 0;
    while sent < MESSAGES {
        let (properties, body) = garbage.message();
        sent += usize::from(peer.publish("", queue.as_bytes(), &properties, &body).await);
    }
    assert_served(&caller).await;
    assert!(server.health().is_healthy());
    caller.shutdown().await;
    server.shutdown().await;
    assert_eq!(queues::look(&queue).await.message_count(), 0);
}

#[tokio::test]
async fn garbage_events_are_handled_or_kept_unchanged() {
    let namespace = fresh_namespace();
    let bus = process("warranty", &namespace).connect().await.unwrap();
    bus.own_api::<WarrantyApi>();
    let handled = Arc::new(Mutex::new(0));
    let (sender, mut last) = mpsc::unbounded_channel();
    let count = handled.clone();
    bus.subscribe("registrations", move |event: ProductRegistered| {
        match event.serial.as_str() {
            "SN-LAST" => drop(sender.send(())),
            _ => *count.lock().unwrap() += 1,
        }
        async {}
    })
    .await
    .unwrap();
    let mut audited = audit(&bus).await;

    let mut peer = RawClient::connect().await;
    let exchange = format!("{namespace}.events");
    let good = lightbus::codec::encode(Default::default(), &registered("SN-1")).unwrap().bytes;
    let mut garbage = Garbage::of(&namespace, &good);
    let mut sent = Vec::new();
    while sent.len() < MESSAGES {
        let (properties, body) = garbage.message();
        if peer.publish(&exchange, EVENT.as_bytes(), &properties, &body).await {
            sent.push(body);
        }
    }
    bus.publish(registered("SN-LAST")).await.unwrap();
    next(&mut last).await;

    // One that expires before it is handled is a dead letter, too.
    let mut seen = Vec::new();
    until(&bus, "audit", |expired| {
        seen.extend(std::iter::from_fn(|| audited.try_recv().ok()));
        seen.len() + expired > MESSAGES
    })
    .await;
    let expired = dead_letters(&bus, "audit", MESSAGES + 1 - seen.len()).await;
    let last = lightbus::codec::encode(Default::default(), &registered("SN-LAST")).unwrap().bytes.to_vec();
    assert_eq!(counted([seen, expired].concat()), counted([sent.clone(), vec![last]].concat()));

    let handled = || *handled.lock().unwrap();
    until(&bus, "registrations", |dead| handled() + dead >= MESSAGES).await;
    let dead = counted(dead_letters(&bus, "registrations", MESSAGES - handled()).await);
    let sent = counted(sent);
    assert!(dead.iter().all(|(body, count)| sent.get(body).is_some_and(|sent| count <= sent)));
    assert_eq!(handled() + dead.values().sum::<usize>(), MESSAGES);
    assert!(bus.health().is_healthy());
    bus.shutdown().await;
}

#[tokio::test]
async fn garbage_replies_end_only_their_own_calls() {
    let namespace = fresh_namespace();
    let channel = raw_channel().await;
    let queue = format!("{namespace}.rpc.company.warranty");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), durable, FieldTable::default()).await.unwrap();
    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut requests = channel.basic_consume(queue.into(), "".into(), no_ack, FieldTable::default()).await.unwrap();
    let caller = process("support", &namespace).connect().await.unwrap();
    let mut peer = RawClient::connect().await;
    let good = lightbus::codec::encode(Default::default(), &serde_json::json!({"until": "2027-05-01"})).unwrap().bytes;
    let mut garbage = Garbage::of(&namespace, &good);
    for round in 0..MESSAGES / 10 {
        let call = tokio::spawn(WarrantyClient::new(&caller).check("SN-0042").timeout(GUARD).into_future());
        let request = guarded(requests.next()).await.unwrap().unwrap().properties;
        let (to, id) = (request.reply_to().clone().unwrap(), request.correlation_id().clone().unwrap());
        for _ in 0..9 {
            let (properties, body) = garbage.message();
            peer.publish("", to.as_str().as_bytes(), &properties, &body).await;
        }
        assert!(!call.is_finished());
        let (mut properties, mut body) = garbage.message();
        properties.retain(|(property, _)| ![CORRELATION_ID, REPLY_TO].contains(property));
        if round % 2 == 0 {
            (properties, body) = (vec![(TYPE, short(b"ok"))], good.to_vec());
        }
        properties.push((CORRELATION_ID, short(id.as_str().as_bytes())));
        if peer.publish("", to.as_str().as_bytes(), &properties, &body).await {
            let ended = guarded(call).await.unwrap();
            assert!(round % 2 == 1 || ended.unwrap().until == "2027-05-01");
        } else {
            call.abort();
        }
    }
    assert!(caller.health().is_healthy());
    eventually("no call is left", || caller.calls_in_flight() == 0).await;
    caller.shutdown().await;
}

/// Subscribes to everything of the company, and sends the bodies.
async fn audit(bus: &Bus) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (sender, bodies) = mpsc::unbounded_channel();
    let handler = move |event: AnyEvent| {
        let _ = sender.send(event.payload().bytes.to_vec());
        async {}
    };
    bus.subscribe_pattern("audit", "company.#", handler).await.unwrap();
    bodies
}

/// Counts the dead letters of a subscription until the condition holds.
async fn until(bus: &Bus, subscription: &str, mut condition: impl FnMut(usize) -> bool) {
    let mut looks = interval(LOOK);
    let holds = async {
        while !condition(usize::try_from(bus.dead_letters(subscription).count().await.unwrap()).unwrap()) {
            looks.tick().await;
        }
    };
    guarded(holds).await;
}

/// The bodies of the dead letters, of which there are to be so many.
async fn dead_letters(bus: &Bus, subscription: &str, count: usize) -> Vec<Vec<u8>> {
    until(bus, subscription, |dead| dead >= count).await;
    let letters = bus.dead_letters(subscription).list(count + 1).await.unwrap();
    letters.into_iter().map(|letter| letter.payload.bytes.to_vec()).collect()
}

fn counted(bodies: Vec<Vec<u8>>) -> HashMap<Vec<u8>, usize> {
    let mut counts = HashMap::new();
    for body in bodies {
        *counts.entry(body).or_default() += 1;
    }
    counts
}
