//! How a process comes to its end: who waits for what.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::FutureExt;
use lightbus::prelude::*;
use lightbus::{Bus, Error, RecentIds};
use lightbus_test_support::wait::{GUARD, eventually, guarded, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::desk::{self, Bell, BellClient, BellServer, Brass, Closed, DeskApi, Registered};

fn registered(serial: String) -> Registered {
    Registered { serial, customer: 1 }
}

pub async fn a_handler_may_shut_its_own_bus_down(world: &World) {
    let (desk, next_process) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let builder = world.process("audit").shutdown_timeout(GUARD * 10);
    let audit = world.keep(builder.connect().await.unwrap());
    let bus = audit.clone();
    audit
        .subscribe("closing", move |_: Closed| {
            let bus = bus.clone();
            async move { bus.shutdown().await }
        })
        .await
        .unwrap();
    desk.publish(Closed {}).await.unwrap();
    guarded(async {
        while !matches!(audit.publish(Closed {}).await, Err(Error::Closed)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    guarded(audit.shutdown()).await;

    // The event was handled: it does not go to the next process.
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    next_process
        .subscribe("closing", move |_: Closed, context: Context| {
            let _ = sender.send(context.message_id().to_owned());
            async {}
        })
        .concurrency(1)
        .await
        .unwrap();
    desk.publish(Closed {}).await.unwrap();
    next(&mut arrivals).await;
    assert!(waiting(&mut arrivals).is_empty());
}

/// Rings for the last time.
struct LastBell {
    bus: Bus,
}

impl Bell for LastBell {
    async fn ring(&self) -> String {
        self.bus.shutdown().await;
        "dong".to_owned()
    }
}

pub async fn a_call_may_shut_its_server_down(world: &World) {
    let caller = world.join("caller").await;
    let builder = world.process("desk").shutdown_timeout(GUARD * 10);
    let server = world.keep(builder.connect().await.unwrap());
    server.serve(BellServer::new(LastBell { bus: server.clone() })).await.unwrap();
    assert_eq!(BellClient::new(&caller).ring().timeout(GUARD).await.unwrap(), "dong");
    guarded(server.shutdown()).await;
    assert!(!server.health().connected);
}

pub async fn a_shutdown_continues_without_its_caller(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let mut handles = desk::serve(&server).await;
    let call = tokio::spawn(desk::DeskClient::new(&caller).wait("running".into()).timeout(GUARD).into_future());
    next(&mut handles.begun).await;
    assert!(server.shutdown().now_or_never().is_none());
    handles.gate.add_permits(1);
    assert_eq!(guarded(call).await.unwrap().unwrap(), "running");
    eventually("the bus is shut down", || !server.health().connected).await;
}

pub async fn a_shutdown_waits_for_events_that_are_being_published(world: &World) {
    const EVENTS: usize = 300;
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let handler = move |event: Registered| {
        let _ = sender.send(event.serial);
        async {}
    };
    audit.subscribe("all", handler).concurrency(1).dedupe(RecentIds::new(10_000)).await.unwrap();
    let publishes: Vec<_> = (0..EVENTS)
        .map(|number| tokio::spawn(desk.publish(registered(format!("SN-{number}"))).into_future()))
        .collect();
    tokio::task::yield_now().await;
    guarded(desk.shutdown()).await;
    let mut published = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for (number, publish) in publishes.into_iter().enumerate() {
        let serial = format!("SN-{number}");
        match guarded(publish).await.unwrap() {
            Ok(()) => published.insert(serial),
            Err(Error::Closed) => refused.insert(serial),
            Err(error) => panic!("the broker confirms in time: {error:?}"),
        };
    }
    // Everything of before lies before this one.
    let last = world.join("desk").await;
    last.own_api::<DeskApi>();
    last.publish(registered("last".into())).await.unwrap();
    let mut arrived = BTreeSet::new();
    loop {
        match next(&mut arrivals).await {
            serial if serial == "last" => break,
            serial => assert!(arrived.insert(serial)),
        }
    }
    assert_eq!(arrived, published);
    assert_eq!(published.len() + refused.len(), EVENTS);
}

pub async fn a_handler_of_a_stopping_process_is_told_that_nobody_serves(world: &World) {
    let (desk, server) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    server.serve(BellServer::new(Brass)).await.unwrap();
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (sender, mut results) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let (held, bus) = (gate.clone(), server.clone());
    server
        .subscribe("ringing", move |_: Closed| {
            let (begun, sender, held, bus) = (begun.clone(), sender.clone(), held.clone(), bus.clone());
            async move {
                let _ = begun.send(());
                held.acquire().await.unwrap().forget();
                let dead_letters = bus.dead_letters("ringing").count().await;
                let _ = sender.send((BellClient::new(&bus).ring().timeout(GUARD).await, dead_letters));
            }
        })
        .await
        .unwrap();
    desk.publish(Closed {}).await.unwrap();
    next(&mut begins).await;
    let stopping = server.clone();
    let shutdown = tokio::spawn(async move { stopping.shutdown().await });
    eventually("the bus stops", || !server.health().is_healthy()).await;
    gate.add_permits(1);
    let (rung, dead_letters) = next(&mut results).await;
    assert!(matches!(rung, Err(CallError::NoServer { .. })), "{rung:?}");
    assert_eq!(dead_letters.unwrap(), 0);
    guarded(shutdown).await.unwrap();
}

pub async fn run_until_ends_with_its_future(world: &World) {
    let bus = world.join("desk").await;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn({
        let bus = bus.clone();
        async move { bus.run_until(stopped).await }
    });
    bus.own_api::<DeskApi>();
    bus.publish(Closed {}).await.unwrap();
    stop.send(()).unwrap();
    guarded(running).await.unwrap().unwrap();
    assert!(matches!(bus.publish(Closed {}).await, Err(Error::Closed)));
}

pub async fn run_until_ends_when_the_bus_is_shut_down(world: &World) {
    let bus = world.join("desk").await;
    let running = tokio::spawn({
        let bus = bus.clone();
        async move { bus.run_until(std::future::pending::<()>()).await }
    });
    bus.shutdown().await;
    guarded(running).await.unwrap().unwrap();
}
