//! Starting and stopping the consumers of a process one by one.

use lightbus::prelude::*;
use lightbus::{ConsumerKind, Error};
use lightbus_test_support::wait::{GUARD, dropped_after, guarded, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{self, BellClient, BellServer, Brass, Closed, DeskApi, DeskClient, DeskServer, Registered};

fn registered(serial: &str) -> Registered {
    Registered { serial: serial.to_owned(), customer: 1 }
}

/// A handler that reports the serials of its events.
fn reporter(
    sender: mpsc::UnboundedSender<String>,
) -> impl Fn(Registered) -> std::future::Ready<()> + Send + Sync + 'static {
    move |event| {
        let _ = sender.send(event.serial);
        std::future::ready(())
    }
}

pub async fn a_dropped_subscribe_leaves_nothing_behind(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (dropped, mut reports) = mpsc::unbounded_channel();
    for polls in 0..40 {
        let subscribe = audit.subscribe("audit", reporter(dropped.clone()));
        match dropped_after(polls, subscribe).await {
            None => assert!(audit.health().is_healthy() && audit.subscriptions().is_empty()),
            Some(subscribed) => {
                subscribed.unwrap().stop().await;
                break;
            }
        }
    }
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit.subscribe("audit", reporter(sender)).await.unwrap();
    assert_eq!(audit.subscriptions(), ["audit"]);
    desk.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-1");
    assert!(waiting(&mut reports).is_empty());
}

pub async fn a_dropped_serve_leaves_nothing_behind(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    for polls in 0..40 {
        match dropped_after(polls, server.serve(BellServer::new(Brass))).await {
            None => assert!(server.health().consumers.is_empty()),
            Some(served) => {
                served.unwrap().stop().await;
                break;
            }
        }
    }
    server.serve(BellServer::new(Brass)).await.unwrap();
    assert_eq!(BellClient::new(&caller).ring().timeout(GUARD).await.unwrap(), "ding");
}

pub async fn a_consumer_that_is_stopped_finishes_what_runs(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let (clerk, mut handles) = desk::clerk(&server, 1);
    let api = server.serve(DeskServer::new(clerk)).await.unwrap();
    assert_eq!((api.kind(), api.name()), (ConsumerKind::Api, "test.desk"));
    server.serve(BellServer::new(Brass)).await.unwrap();
    let call = tokio::spawn(DeskClient::new(&caller).wait("running".into()).timeout(GUARD).into_future());
    next(&mut handles.begun).await;
    let stop = tokio::spawn({
        let api = api.clone();
        async move { api.stop().await }
    });
    handles.gate.add_permits(1);
    assert_eq!(guarded(call).await.unwrap().unwrap(), "running");
    guarded(stop).await.unwrap();
    guarded(api.stop()).await;

    // The rest of the process goes on.
    assert!(server.health().is_healthy());
    let names: Vec<_> = server.health().consumers.into_iter().map(|consumer| consumer.name).collect();
    assert_eq!(names, ["test.bell"]);
    assert_eq!(BellClient::new(&caller).ring().timeout(GUARD).await.unwrap(), "ding");

    // It can be served again.
    let handles = desk::serve(&server).await;
    handles.gate.add_permits(1);
    assert_eq!(DeskClient::new(&caller).wait("again".into()).timeout(GUARD).await.unwrap(), "again");
}

pub async fn a_consumer_that_is_stopped_leaves_its_calls_to_others(world: &World) {
    let (first, second, caller) = (world.join("desk").await, world.join("desk").await, world.join("caller").await);
    let (clerk, mut first_handles) = desk::clerk(&first, 1);
    let api = first.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();
    let desk = DeskClient::new(&caller);
    let running = tokio::spawn(desk.wait("running".into()).timeout(GUARD).into_future());
    next(&mut first_handles.begun).await;
    let calls: Vec<_> =
        (0..5).map(|n| tokio::spawn(desk.wait(format!("waiting {n}")).timeout(GUARD).into_future())).collect();
    let second_handles = desk::serve(&second).await;
    second_handles.gate.add_permits(10);
    let stop = tokio::spawn(async move { api.stop().await });
    for call in calls {
        guarded(call).await.unwrap().unwrap();
    }
    assert!(waiting(&mut first_handles.begun).is_empty());
    first_handles.gate.add_permits(1);
    guarded(running).await.unwrap().unwrap();
    guarded(stop).await.unwrap();
}

pub async fn events_wait_for_a_subscription_that_was_stopped(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let subscription = audit.subscribe("audit", reporter(sender.clone())).await.unwrap();
    desk.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-1");
    guarded(subscription.stop()).await;
    desk.publish(registered("SN-2")).await.unwrap();
    assert!(audit.subscriptions().is_empty());
    audit.subscribe("audit", reporter(sender)).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-2");
}

pub async fn dropping_a_handle_changes_nothing(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    drop(audit.subscribe("audit", reporter(sender)).await.unwrap());
    desk.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-1");
}

pub async fn a_handler_stops_its_own_subscription(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (handle, mut given) = tokio::sync::watch::channel(None::<lightbus::ConsumerHandle>);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let receiver = given.clone();
    let subscription = audit
        .subscribe("audit", move |_: Closed| {
            let (mut receiver, sender) = (receiver.clone(), sender.clone());
            async move {
                let handle = receiver.wait_for(Option::is_some).await.unwrap().clone().unwrap();
                handle.stop().await;
                let _ = sender.send(());
            }
        })
        .await
        .unwrap();
    handle.send_replace(Some(subscription.clone()));
    given.borrow_and_update();
    desk.publish(Closed {}).await.unwrap();
    next(&mut arrivals).await;
    guarded(subscription.stop()).await;
    assert!(audit.subscriptions().is_empty());
    // The event was handled, so nothing is left of it.
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("audit", move |_: Closed, context: Context| {
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

pub async fn a_limit_of_zero_is_refused(world: &World) {
    let bus = world.join("desk").await;
    bus.own_api::<DeskApi>();
    let zero = std::time::Duration::ZERO;
    let refused = |error: Error, name: &str| {
        assert!(matches!(&error, Error::InvalidSetting { setting, .. } if *setting == name), "{error:?}");
    };
    refused(bus.serve(BellServer::new(Brass)).concurrency(0).await.unwrap_err(), "concurrency");
    refused(bus.subscribe("a", async |_: Closed| {}).concurrency(0).await.unwrap_err(), "concurrency");
    refused(bus.subscribe("a", async |_: Closed| {}).handler_timeout(zero).await.unwrap_err(), "handler_timeout");
    refused(bus.publish(Closed {}).timeout(zero).await.unwrap_err(), "publish_timeout");
    let call = BellClient::new(&bus).ring().timeout(zero).await;
    assert!(matches!(call, Err(CallError::InvalidRequest { .. })), "{call:?}");
    for (builder, name) in [
        (world.process("desk").max_message_size(0), "max_message_size"),
        (world.process("desk").call_timeout(zero), "call_timeout"),
        (world.process("desk").connect_timeout(zero), "connect_timeout"),
    ] {
        refused(builder.connect().await.unwrap_err(), name);
    }
}
