//! What events promise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::{join_all, try_join_all};
use lightbus::Error;
use lightbus::prelude::*;
use lightbus_test_support::wait::{GUARD, guarded, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::{Barrier, Semaphore, mpsc};

use crate::desk::{self, Attached, BellApi, Closed, DeskApi, DeskClient, Paid, Payment, Registered};

fn registered(serial: &str) -> Registered {
    Registered { serial: serial.to_owned(), customer: 7 }
}

/// A process that may publish the desk's events.
async fn publisher(world: &World) -> Bus {
    let bus = world.join("desk").await;
    bus.own_api::<DeskApi>();
    bus
}

/// Subscribes, and sends the serial of each event that arrives.
async fn collect(bus: &Bus, name: &str) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    bus.subscribe(name, move |event: Registered| {
        let _ = sender.send(event.serial);
        async {}
    })
    .await
    .unwrap();
    receiver
}

pub async fn an_event_that_nobody_could_decode_is_refused_by_its_publisher(world: &World) {
    let desk = publisher(world).await;
    let refusals = [
        (Payment::Wide { amount: 5 }, "at `payment.amount`: serde cannot decode"),
        (Payment::Wide { amount: u128::MAX }, "at `payment.amount`: integers reach"),
        (Payment::Counted { pieces: BTreeMap::from([(1, 2)]) }, "at `payment.pieces`: the key 1 is not a string"),
    ];
    for (payment, refusal) in refusals {
        let error = desk.publish(Paid { payment }).await.unwrap_err();
        let Error::InvalidEvent { reason, .. } = error else { panic!("{error:?}") };
        assert!(reason.contains(refusal), "{reason}");
    }
    desk.publish(Paid { payment: Payment::Cash { amount: 5 } }).await.unwrap();
}

pub async fn an_event_reaches_its_subscription_with_its_context(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |event: Registered, ctx: Context| {
            let _ = sender.send((event, ctx));
            async {}
        })
        .await
        .unwrap();

    desk.publish(registered("SN-1")).await.unwrap();
    let (event, ctx) = next(&mut arrivals).await;
    assert_eq!(event, registered("SN-1"));
    assert_eq!(ctx.service(), "desk");
    assert_eq!(ctx.deadline(), None);
    desk.publish(registered("SN-1")).await.unwrap();
    let (_, other) = next(&mut arrivals).await;
    assert_ne!(ctx.message_id(), other.message_id());
}

pub async fn an_event_without_subscribers_is_published(world: &World) {
    let desk = publisher(world).await;
    desk.publish(Closed {}).await.unwrap();
}

pub async fn only_the_service_of_an_api_publishes_its_events(world: &World) {
    let (desk, other) = (world.join("desk").await, world.join("other").await);
    let error = other.publish(Closed {}).await.unwrap_err();
    assert!(
        matches!(&error, Error::NotRegistered { service, api, event }
            if service == "other" && api == "test.desk" && event == "test.desk.closed"),
        "{error:?}"
    );
    other.own_api::<BellApi>();
    other.publish(Closed {}).await.unwrap_err();
    let _handles = desk::serve(&desk).await;
    desk.publish(Closed {}).await.unwrap();
}

pub async fn each_subscription_gets_every_event(world: &World) {
    let (desk, audit, billing) = (publisher(world).await, world.join("audit").await, world.join("billing").await);
    let mut all = [collect(&audit, "one").await, collect(&audit, "other").await, collect(&billing, "one").await];
    for serial in ["SN-1", "SN-2"] {
        desk.publish(registered(serial)).await.unwrap();
    }
    for arrivals in &mut all {
        let mut serials = [next(arrivals).await, next(arrivals).await];
        serials.sort();
        assert_eq!(serials, ["SN-1", "SN-2"]);
    }
}

pub async fn the_processes_of_a_service_share_a_subscription(world: &World) {
    let desk = publisher(world).await;
    let (first, second) = (world.join("audit").await, world.join("audit").await);
    // Each handles one event at a time, and neither ends before both run: they have to be in different processes.
    let barrier = Arc::new(Barrier::new(2));
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    for bus in [&first, &second] {
        let (barrier, sender) = (barrier.clone(), sender.clone());
        bus.subscribe("shared", move |event: Registered| {
            let (barrier, sender) = (barrier.clone(), sender.clone());
            async move {
                barrier.wait().await;
                let _ = sender.send(event.serial);
            }
        })
        .concurrency(1)
        .await
        .unwrap();
    }
    let serials: Vec<String> = (0..20).map(|n| format!("SN-{n:02}")).collect();
    for serial in &serials {
        desk.publish(registered(serial)).await.unwrap();
    }
    let mut arrived = Vec::new();
    for _ in &serials {
        arrived.push(next(&mut arrivals).await);
    }
    arrived.sort();
    assert_eq!(arrived, serials);
}

pub async fn events_wait_for_a_subscriber_that_is_down(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let arrivals = collect(&audit, "registrations").await;
    audit.shutdown().await;
    drop(arrivals);
    for serial in ["SN-1", "SN-2"] {
        desk.publish(registered(serial)).await.unwrap();
    }
    let audit = world.join("audit").await;
    let mut arrivals = collect(&audit, "registrations").await;
    let mut serials = [next(&mut arrivals).await, next(&mut arrivals).await];
    serials.sort();
    assert_eq!(serials, ["SN-1", "SN-2"]);
}

async fn plain_function(_: Registered) {}

async fn fallible_function(event: Registered, ctx: Context) -> Result<(), HandlerError> {
    let _serial: u32 = event.serial.trim_start_matches("SN-").parse()?;
    assert!(!ctx.message_id().is_empty());
    Ok(())
}

async fn own_error(event: Registered) -> Result<(), std::num::ParseIntError> {
    event.serial.trim_start_matches("SN-").parse::<u32>().map(|_| ())
}

async fn with_anyhow(event: Registered) -> anyhow::Result<()> {
    anyhow::ensure!(event.customer > 0, "no customer");
    Ok(())
}

async fn with_a_boxed_error(event: Registered) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if event.customer == 0 { Err("no customer".into()) } else { Ok(()) }
}

async fn with_question_marks(event: Registered) -> Result<(), HandlerError> {
    with_anyhow(event.clone()).await?;
    with_a_boxed_error(event.clone()).await?;
    own_error(event).await?;
    Ok(())
}

pub async fn handlers_have_many_forms(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let handled = Arc::new(AtomicU32::new(0));
    audit.subscribe("function", plain_function).await.unwrap();
    audit.subscribe("fallible", fallible_function).await.unwrap();
    audit.subscribe("own-error", own_error).await.unwrap();
    audit.subscribe("anyhow", with_anyhow).await.unwrap();
    audit.subscribe("boxed", with_a_boxed_error).await.unwrap();
    audit.subscribe("question-mark", with_question_marks).await.unwrap();
    audit.subscribe("closure", |_: Registered| async {}).await.unwrap();
    audit.subscribe("async-closure", async |_: Registered| {}).await.unwrap();
    audit
        .subscribe("fallible-async-closure", async |event: Registered, _: Context| {
            let _serial: u32 = event.serial.trim_start_matches("SN-").parse()?;
            Ok::<_, HandlerError>(())
        })
        .await
        .unwrap();
    let count = handled.clone();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("fallible-closure", move |event: Registered, _: Context| {
            let (count, sender) = (count.clone(), sender.clone());
            async move {
                count.fetch_add(event.serial.trim_start_matches("SN-").parse()?, Ordering::SeqCst);
                let _ = sender.send(());
                Ok::<_, HandlerError>(())
            }
        })
        .await
        .unwrap();
    desk.publish(registered("SN-5")).await.unwrap();
    next(&mut arrivals).await;
    assert_eq!(handled.load(Ordering::SeqCst), 5);
    audit.shutdown().await;
    let forms = [
        "function",
        "fallible",
        "own-error",
        "anyhow",
        "boxed",
        "question-mark",
        "closure",
        "async-closure",
        "fallible-async-closure",
        "fallible-closure",
    ];
    for name in forms {
        let audit = world.join("audit").await;
        assert_eq!(audit.dead_letters(name).count().await.unwrap(), 0, "{name}");
    }
}

pub async fn a_pattern_subscription_gets_events_of_every_type(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe_pattern("all", "test.#", move |event: AnyEvent| {
            let sender = sender.clone();
            async move {
                let fields: serde_json::Value = event.decode()?;
                let _ = sender.send(format!("{}.{} {fields}", event.api(), event.name()));
                Ok::<_, HandlerError>(())
            }
        })
        .concurrency(1)
        .await
        .unwrap();
    let mut none = {
        let (sender, receiver) = mpsc::unbounded_channel();
        let handler = move |event: AnyEvent| {
            let _ = sender.send(event);
            async {}
        };
        audit.subscribe_pattern("none", "other.#", handler).await.unwrap();
        receiver
    };
    desk.publish(registered("SN-1")).await.unwrap();
    desk.publish(Closed {}).await.unwrap();
    assert_eq!(next(&mut arrivals).await, r#"test.desk.registered {"customer":7,"serial":"SN-1"}"#);
    assert_eq!(next(&mut arrivals).await, "test.desk.closed {}");
    assert!(waiting(&mut none).is_empty());

    let error = audit.subscribe_pattern("bad", "test.#x", |_: AnyEvent| async {}).await.unwrap_err();
    assert!(matches!(error, Error::Name(_)), "{error:?}");
}

/// Subscribes to a pattern, and sends the name of each event that arrives.
async fn collect_names(bus: &Bus, pattern: &str) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler = move |event: AnyEvent| {
        let _ = sender.send(event.name().to_owned());
        async {}
    };
    bus.subscribe_pattern("narrowed", pattern, handler).await.unwrap();
    receiver
}

pub async fn a_subscription_with_a_narrower_pattern_gets_no_other_events(world: &World) {
    let (desk, before) = (publisher(world).await, world.join("audit").await);
    let wide = collect_names(&before, "test.desk.*").await;
    before.shutdown().await;
    drop(wide);
    // These wait in the queue, one of which the next version does not want.
    desk.publish(Closed {}).await.unwrap();
    desk.publish(registered("SN-1")).await.unwrap();
    let after = world.join("audit").await;
    let mut narrow = collect_names(&after, "test.desk.registered").await;
    desk.publish(Closed {}).await.unwrap();
    desk.publish(registered("SN-2")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(next(&mut narrow).await, "registered");
    }
    desk.publish(registered("SN-3")).await.unwrap();
    assert_eq!(next(&mut narrow).await, "registered");
    assert_eq!(after.dead_letters("narrowed").count().await.unwrap(), 0);
}

pub async fn a_subscription_to_another_event_gets_no_other_events(world: &World) {
    let (desk, before) = (publisher(world).await, world.join("audit").await);
    before.subscribe("narrowed", |_: Closed| async {}).await.unwrap();
    before.shutdown().await;
    desk.publish(Closed {}).await.unwrap();
    let after = world.join("audit").await;
    let mut arrivals = collect(&after, "narrowed").await;
    desk.publish(Closed {}).await.unwrap();
    desk.publish(registered("SN-1")).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "SN-1");
    assert_eq!(after.dead_letters("narrowed").count().await.unwrap(), 0);
}

pub async fn a_newer_process_gets_the_events_that_only_it_wants(world: &World) {
    let (desk, old, new) = (publisher(world).await, world.join("audit").await, world.join("audit").await);
    old.subscribe("narrowed", |_: Closed| async {}).await.unwrap();
    // Both run for a while, as in a rolling update.
    let mut arrivals = collect(&new, "narrowed").await;
    let serials: Vec<String> = (0..5).map(|number| format!("SN-{number}")).collect();
    for serial in &serials {
        desk.publish(registered(serial)).await.unwrap();
    }
    let mut arrived = Vec::new();
    for _ in &serials {
        arrived.push(next(&mut arrivals).await);
    }
    arrived.sort();
    assert_eq!(arrived, serials);
    assert_eq!(new.dead_letters("narrowed").count().await.unwrap(), 0);
}

pub async fn one_at_a_time_keeps_the_order(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let running = Arc::new(AtomicU32::new(0));
    audit
        .subscribe("ordered", move |event: Registered| {
            let (running, sender) = (running.clone(), sender.clone());
            async move {
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                let _ = sender.send(event.serial);
            }
        })
        .concurrency(1)
        .await
        .unwrap();
    let serials: Vec<String> = (0..100).map(|n| format!("SN-{n}")).collect();
    for serial in &serials {
        desk.publish(registered(serial)).await.unwrap();
    }
    for serial in &serials {
        assert_eq!(&next(&mut arrivals).await, serial);
    }
}

pub async fn events_are_handled_up_to_the_concurrency_limit(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let (barrier, running) = (Arc::new(Barrier::new(5)), Arc::new(AtomicU32::new(0)));
    audit
        .subscribe("together", move |_: Registered| {
            let (barrier, running, sender) = (barrier.clone(), running.clone(), sender.clone());
            async move {
                let most = running.fetch_add(1, Ordering::SeqCst) + 1;
                barrier.wait().await;
                running.fetch_sub(1, Ordering::SeqCst);
                let _ = sender.send(most);
            }
        })
        .concurrency(5)
        .await
        .unwrap();
    for n in 0..20 {
        desk.publish(registered(&n.to_string())).await.unwrap();
    }
    for _ in 0..20 {
        assert!(next(&mut arrivals).await <= 5);
    }
}

pub async fn no_event_waits_behind_a_long_one_while_another_process_is_idle(world: &World) {
    let (desk, first, second) = (world.join("desk").await, world.join("audit").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut handled) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    for audit in [&first, &second] {
        let (sender, gate) = (sender.clone(), gate.clone());
        audit
            .subscribe("registrations", move |event: Registered| {
                let (sender, gate) = (sender.clone(), gate.clone());
                async move {
                    let _ = sender.send(event.serial.clone());
                    if event.serial == "long" {
                        gate.acquire().await.unwrap().forget();
                    }
                }
            })
            .concurrency(1)
            .await
            .unwrap();
    }
    desk.publish(Registered { serial: "long".into(), customer: 1 }).await.unwrap();
    assert_eq!(next(&mut handled).await, "long");
    for _ in 0..6 {
        desk.publish(Registered { serial: "short".into(), customer: 1 }).await.unwrap();
    }
    for _ in 0..6 {
        assert_eq!(next(&mut handled).await, "short");
    }
    gate.add_permits(1);
}

pub async fn a_handler_calls_and_publishes(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    let _handles = desk::serve(&desk).await;
    let mut registrations = collect(&audit, "registrations").await;
    let (bus, client) = (desk.clone(), DeskClient::new(&desk));
    desk.subscribe("attach", move |event: Attached| {
        let (bus, client) = (bus.clone(), client.clone());
        async move {
            let serial = client.echo(&event.text).await?;
            bus.publish(registered(&serial)).await?;
            Ok::<_, HandlerError>(())
        }
    })
    .await
    .unwrap();
    desk.publish(Attached { text: "SN-9".into() }).await.unwrap();
    assert_eq!(next(&mut registrations).await, "SN-9");
}

pub async fn a_process_uses_a_subscription_name_once(world: &World) {
    let audit = world.join("audit").await;
    let _first = collect(&audit, "registrations").await;
    let error = audit.subscribe("registrations", |_: Closed| async {}).await.unwrap_err();
    assert!(matches!(&error, Error::AlreadySubscribed { name } if name == "registrations"), "{error:?}");
    let error = audit.subscribe("No Name", |_: Closed| async {}).await.unwrap_err();
    assert!(matches!(error, Error::Name(_)), "{error:?}");
}

pub async fn a_thousand_events_published_at_once_arrive_once_each(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let mut arrivals = collect(&audit, "registrations").await;
    let publishes = (0..1000).map(|n| desk.publish(registered(&n.to_string())).timeout(GUARD).into_future());
    guarded(try_join_all(publishes)).await.unwrap();
    let mut counts = BTreeMap::new();
    for _ in 0..1000 {
        *counts.entry(next(&mut arrivals).await).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 1000);
    audit.shutdown().await;
    assert!(waiting(&mut arrivals).is_empty());
}

pub async fn ten_megabytes_are_published(world: &World) {
    let (desk, audit) = (publisher(world).await, world.join("audit").await);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("attachments", move |event: Attached| {
            let _ = sender.send(event.text);
            async {}
        })
        .await
        .unwrap();
    let text = "x".repeat(10 * 1024 * 1024);
    desk.publish(Attached { text: text.clone() }).timeout(GUARD).await.unwrap();
    assert!(next(&mut arrivals).await == text);
}

pub async fn an_event_that_is_too_large_is_refused(world: &World) {
    let desk = world.keep(world.process("desk").max_message_size(1000).connect().await.unwrap());
    desk.own_api::<DeskApi>();
    let results =
        join_all(["x".repeat(2000), "x".repeat(100)].map(|text| desk.publish(Attached { text }).into_future())).await;
    assert!(matches!(&results[0], Err(Error::EventTooLarge { limit: 1000, .. })), "{results:?}");
    assert!(results[1].is_ok(), "{results:?}");
}
