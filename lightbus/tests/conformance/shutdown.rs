//! What a shutdown promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lightbus::Error;
use lightbus::prelude::*;
use lightbus_test_support::wait::{GUARD, eventually, guarded, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::{Semaphore, mpsc};

use crate::desk::{self, BellServer, Brass, Closed, DeskApi, DeskClient, DeskServer, Registered};

pub async fn a_shutdown_lets_a_running_call_finish(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let mut handles = desk::serve(&server).await;
    let call = tokio::spawn(DeskClient::new(&caller).wait("running".into()).timeout(GUARD).into_future());
    next(&mut handles.begun).await;
    let shutdown = tokio::spawn(async move { server.shutdown().await });
    handles.gate.add_permits(1);
    assert_eq!(guarded(call).await.unwrap().unwrap(), "running");
    guarded(shutdown).await.unwrap();
}

pub async fn a_shutdown_that_takes_too_long_tells_the_caller(world: &World) {
    let builder = world.process("desk").shutdown_timeout(Duration::from_millis(50));
    let (server, caller) = (world.keep(builder.connect().await.unwrap()), world.join("caller").await);
    let mut handles = desk::serve(&server).await;
    let call = tokio::spawn(DeskClient::new(&caller).wait("running".into()).timeout(GUARD).into_future());
    next(&mut handles.begun).await;
    guarded(server.shutdown()).await;
    let error = guarded(call).await.unwrap().unwrap_err();
    assert!(matches!(&error, CallError::ShuttingDown { method } if method == "test.desk.wait"), "{error:?}");
}

pub async fn a_shutdown_hands_an_idempotent_call_to_another_server(world: &World) {
    let builder = world.process("desk").shutdown_timeout(Duration::from_millis(50));
    let (first, caller) = (world.keep(builder.connect().await.unwrap()), world.join("caller").await);
    let mut first_handles = desk::serve(&first).await;
    let call = DeskClient::new(&caller).wait_idempotent("it".into()).timeout(GUARD);
    let call = tokio::spawn(call.into_future());
    next(&mut first_handles.begun).await;

    let second = world.join("desk").await;
    let second_handles = desk::serve(&second).await;
    second_handles.gate.add_permits(1);
    guarded(first.shutdown()).await;
    assert_eq!(guarded(call).await.unwrap().unwrap(), "it");
}

pub async fn a_shutdown_hands_waiting_calls_to_another_server(world: &World) {
    let (first, second, caller) = (world.join("desk").await, world.join("desk").await, world.join("caller").await);
    let (clerk, mut first_handles) = desk::clerk(&first, 1);
    first.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();
    let desk = DeskClient::new(&caller);
    let running = tokio::spawn(desk.wait("running".into()).timeout(GUARD).into_future());
    next(&mut first_handles.begun).await;
    // The first server has one call running, one waiting for its turn, and more in the queue.
    let waiting_calls: Vec<_> =
        (0..5).map(|n| tokio::spawn(desk.wait(format!("waiting {n}")).timeout(GUARD).into_future())).collect();
    let second_handles = desk::serve(&second).await;
    second_handles.gate.add_permits(10);

    let shutdown = tokio::spawn(async move { first.shutdown().await });
    for call in waiting_calls {
        guarded(call).await.unwrap().unwrap();
    }
    assert!(waiting(&mut first_handles.begun).is_empty());
    first_handles.gate.add_permits(1);
    guarded(running).await.unwrap().unwrap();
    guarded(shutdown).await.unwrap();
}

/// A handler that says that it has begun and ends when it is let go.
async fn slow_subscriber(bus: &Bus) -> (mpsc::UnboundedReceiver<()>, Arc<Semaphore>, Arc<AtomicBool>) {
    let (sender, begun) = mpsc::unbounded_channel();
    let (gate, finished) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (held, done) = (gate.clone(), finished.clone());
    bus.subscribe("slow", move |_: Registered| {
        let (sender, held, done) = (sender.clone(), held.clone(), done.clone());
        async move {
            let _ = sender.send(());
            held.acquire().await.unwrap().forget();
            done.store(true, Ordering::SeqCst);
        }
    })
    .await
    .unwrap();
    (begun, gate, finished)
}

pub async fn a_shutdown_lets_a_running_event_handler_finish(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (mut begun, gate, finished) = slow_subscriber(&audit).await;
    desk.publish(Registered { serial: "SN-1".into(), customer: 1 }).await.unwrap();
    next(&mut begun).await;
    let shutdown = tokio::spawn(async move { audit.shutdown().await });
    gate.add_permits(1);
    guarded(shutdown).await.unwrap();
    assert!(finished.load(Ordering::SeqCst));

    // Were the event still there, it would come before the one that is published now.
    let audit = world.join("audit").await;
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("slow", move |event: Registered| {
            let _ = sender.send(event.serial);
            async {}
        })
        .concurrency(1)
        .await
        .unwrap();
    desk.publish(Registered { serial: "SN-2".into(), customer: 1 }).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-2");
}

pub async fn an_event_whose_handler_was_cut_off_is_delivered_again(world: &World) {
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    let builder = world.process("audit").shutdown_timeout(Duration::from_millis(50));
    let audit = world.keep(builder.connect().await.unwrap());
    let (mut begun, _gate, finished) = slow_subscriber(&audit).await;
    desk.publish(Registered { serial: "SN-1".into(), customer: 1 }).await.unwrap();
    next(&mut begun).await;
    guarded(audit.shutdown()).await;
    assert!(!finished.load(Ordering::SeqCst));

    let audit = world.join("audit").await;
    let (mut begun, gate, finished) = slow_subscriber(&audit).await;
    next(&mut begun).await;
    gate.add_permits(1);
    eventually("the handler has finished", || finished.load(Ordering::SeqCst)).await;
}

pub async fn after_a_shutdown_everything_is_refused(world: &World) {
    let bus = world.join("desk").await;
    let _handles = desk::serve(&bus).await;
    let desk = DeskClient::new(&bus);
    tokio::join!(bus.shutdown(), bus.shutdown());
    bus.shutdown().await;

    assert!(matches!(desk.echo("a").await, Err(CallError::Closed { .. })));
    assert!(matches!(bus.publish(Closed {}).await, Err(Error::Closed)));
    assert!(matches!(bus.serve(BellServer::new(Brass)).await, Err(Error::Closed)));
    assert!(matches!(bus.subscribe("late", |_: Closed| async {}).await, Err(Error::Closed)));
}

pub async fn run_ends_when_the_bus_is_shut_down(world: &World) {
    let bus = world.join("desk").await;
    let running = tokio::spawn({
        let bus = bus.clone();
        async move { bus.run().await }
    });
    bus.shutdown().await;
    guarded(running).await.unwrap().unwrap();
}
