//! A bus that is used outside its runtime.

use std::future::IntoFuture;
use std::thread;

use lightbus::prelude::*;
use lightbus::{Bus, Error};
use lightbus_test_support::wait::{GUARD, block_on, guarded, next};
use lightbus_test_support::world::World;
use tokio::sync::{mpsc, oneshot};

use crate::desk::{self, BellClient, BellServer, Brass, Closed, DeskApi};

/// Runs a future on a thread without a tokio runtime.
async fn outside<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, outcome) = oneshot::channel();
    thread::spawn(move || {
        let _ = sender.send(block_on(future));
    });
    guarded(outcome).await.expect("it panicked")
}

pub async fn a_thread_without_a_runtime_uses_the_bus(world: &World) {
    let bus = world.join("desk").await;
    bus.own_api::<DeskApi>();
    let served = bus.clone();
    outside(async move { served.serve(BellServer::new(Brass)).await }).await.unwrap();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let subscribed = bus.clone();
    outside(async move {
        let handler = move |_: Closed| {
            let _ = sender.send(());
            async {}
        };
        subscribed.subscribe("closings", handler).await
    })
    .await
    .unwrap();
    assert_eq!(outside(BellClient::new(&bus).ring().timeout(GUARD).into_future()).await.unwrap(), "ding");
    outside(bus.publish(Closed {}).into_future()).await.unwrap();
    next(&mut arrivals).await;
    let dead_letters = bus.dead_letters("closings");
    assert_eq!(outside(async move { dead_letters.count().await }).await.unwrap(), 0);
    let stopping = bus.clone();
    outside(async move { stopping.shutdown().await }).await;
    assert!(!bus.health().connected);
    let process = world.process("desk");
    let unconnected = outside(async move { process.connect().await }).await;
    assert!(matches!(unconnected, Err(Error::NoRuntime)), "{unconnected:?}");
}

pub async fn a_bus_whose_runtime_has_ended_says_so(world: &World) {
    let (sender, bus) = oneshot::channel::<Bus>();
    let process = world
        .killable("desk", async move |bus| {
            bus.own_api::<DeskApi>();
            desk::serve(&bus).await;
            let _ = sender.send(bus);
        })
        .await;
    let bus = bus.await.unwrap();
    assert!(bus.health().is_healthy());
    process.kill();
    lightbus_test_support::wait::eventually("its runtime ends", || !bus.health().connected).await;

    assert!(!bus.health().is_healthy() && bus.health().consumers.iter().all(|consumer| !consumer.consuming));
    let call = guarded(BellClient::new(&bus).ring().timeout(GUARD).into_future()).await;
    assert!(matches!(&call, Err(error @ CallError::RuntimeEnded { .. }) if !error.may_have_run()), "{call:?}");
    let published = guarded(bus.publish(Closed {}).timeout(GUARD).into_future()).await;
    assert!(matches!(published, Err(Error::RuntimeEnded)), "{published:?}");
    let served = guarded(bus.serve(BellServer::new(Brass)).into_future()).await;
    assert!(matches!(served, Err(Error::RuntimeEnded)), "{served:?}");
    let subscribed = guarded(bus.subscribe("late", async |_: Closed| {}).into_future()).await;
    assert!(matches!(subscribed, Err(Error::RuntimeEnded)), "{subscribed:?}");
    assert!(matches!(guarded(bus.dead_letters("late").count()).await, Err(Error::RuntimeEnded)));
    assert!(matches!(guarded(bus.run()).await, Err(Error::RuntimeEnded)));
    guarded(bus.shutdown()).await;
}
