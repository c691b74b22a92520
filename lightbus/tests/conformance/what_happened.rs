//! What processes tell of the messages that they sent and handled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lightbus::layer::{self, Layer, Message, Next, Occasion};
use lightbus::prelude::*;
use lightbus::recorder::{self, RecentFilter, Record, RecordKind};
use lightbus::stats::Outcome;
use lightbus::{Bus, CallError, Error};
use lightbus_test_support::wait::{GUARD, eventually, next};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{BellClient, BellServer, Brass, DeskApi, DeskClient, Registered, serve};

fn records(bus: &Bus, kind: RecordKind) -> Vec<Record> {
    let mut records = bus.recent(&RecentFilter::new());
    records.retain(|record| record.kind == kind);
    records
}

pub async fn calls_are_counted_by_how_they_end(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("shop").await);
    let _handles = serve(&server).await;
    let desk = DeskClient::new(&caller);
    for _ in 0..3 {
        desk.echo("hello").await.unwrap();
    }
    assert!(matches!(desk.fail().await, Err(CallError::Method { .. })));
    assert!(matches!(desk.break_down("out of ink".to_owned()).await, Err(CallError::HandlerPanicked { .. })));
    assert!(matches!(BellClient::new(&caller).ring().await, Err(CallError::NoServer { .. })));

    let (served, called) = (server.stats().served, caller.stats().called);
    for side in [&served, &called] {
        let echo = &side["test.desk.echo"];
        assert_eq!((echo.count_of(Outcome::Ok), echo.failures(), echo.in_flight, echo.waiting), (3, 0, 0, 0));
        assert_eq!(echo.lasted.count(), 3);
        assert!(echo.last_success.is_some() && echo.last_failure.is_none());
        assert_eq!(side["test.desk.fail"].count_of(Outcome::MethodError), 1);
        let broken = &side["test.desk.break_down"];
        assert_eq!(broken.count_of(Outcome::Panicked), 1);
        let failure = broken.last_failure.as_ref().unwrap();
        assert!(failure.error.contains("out of ink"), "{failure:?}");
    }
    assert_eq!(served["test.desk.echo"].waited.count(), 3);
    assert_eq!(called["test.bell.ring"].count_of(Outcome::NoServer), 1);
    // Both sides know a call by the same id.
    let id = |bus: &Bus, kind| records(bus, kind).into_iter().map(|record| record.id).collect::<Vec<_>>();
    let mut sent = id(&caller, RecordKind::CallSent);
    sent.pop();
    assert_eq!((sent.len(), &sent), (5, &id(&server, RecordKind::CallServed)));
}

pub async fn a_call_that_waits_and_one_that_is_dropped_are_counted(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("shop").await);
    let mut handles = serve(&server).await;
    let waiting = tokio::spawn(DeskClient::new(&caller).wait("first".to_owned()));
    next(&mut handles.begun).await;
    assert_eq!(server.stats().served["test.desk.wait"].in_flight, 1);
    assert_eq!(caller.stats().called["test.desk.wait"].in_flight, 1);
    waiting.abort();
    let _ = waiting.await;
    assert_eq!(caller.stats().called["test.desk.wait"].count_of(Outcome::Dropped), 1);
    handles.gate.add_permits(1);
    eventually("the method ends", || server.stats().served["test.desk.wait"].count_of(Outcome::Ok) == 1).await;
}

pub async fn events_are_counted_on_both_sides(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let failing = |event: Registered| async move {
        if event.customer == 1 { Err(HandlerError::new("the register is full")) } else { Ok(()) }
    };
    audit.subscribe("registrations", failing).retries(Retries::after([Duration::ZERO])).await.unwrap();
    for customer in [0, 1] {
        desk.publish(Registered { serial: "SN-1".to_owned(), customer }).await.unwrap();
    }
    assert!(matches!(
        audit.publish(Registered { serial: "SN-1".to_owned(), customer: 0 }).await,
        Err(Error::NotRegistered { .. })
    ));
    let handled = |outcome| audit.stats().handled.get("registrations").map_or(0, |stats| stats.count_of(outcome));
    eventually("both attempts have failed", || handled(Outcome::Failed) == 2 && handled(Outcome::Ok) == 1).await;
    assert_eq!(desk.stats().published["test.desk.registered"].count_of(Outcome::Ok), 2);
    assert_eq!(audit.stats().published["test.desk.registered"].count_of(Outcome::InvalidRequest), 1);

    let published = &records(&desk, RecordKind::EventPublished)[1];
    let attempts: Vec<_> =
        records(&audit, RecordKind::EventHandled).into_iter().filter(|record| record.id == published.id).collect();
    assert_eq!(attempts.iter().map(|record| record.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(attempts[0].next, Some(recorder::Next::Retry { after_ms: 0 }));
    assert_eq!(attempts[1].next, Some(recorder::Next::DeadLetter));
    for attempt in attempts {
        assert_eq!((&*attempt.name, &*attempt.subscription), ("test.desk.registered", "registrations"));
        assert_eq!((&*attempt.sender, &*attempt.error), ("desk", "the register is full"));
    }
}

pub async fn what_a_handler_sends_has_it_as_its_cause(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    desk.serve(BellServer::new(Brass)).await.unwrap();
    let (sender, mut rung) = mpsc::unbounded_channel();
    let (bus, mended) = (audit.clone(), Arc::new(AtomicBool::new(false)));
    let handler = move |_: Registered, ctx: Context| {
        let (bus, sender, mended) = (bus.clone(), sender.clone(), Arc::clone(&mended));
        async move {
            BellClient::new(&bus).ring().await?;
            let _ = sender.send(ctx.message_id().to_owned());
            if mended.swap(true, Ordering::SeqCst) { Ok(()) } else { Err(HandlerError::new("not yet")) }
        }
    };
    audit.subscribe("ring", handler).retries(Retries::after([Duration::ZERO])).await.unwrap();
    desk.publish(Registered { serial: "SN-1".to_owned(), customer: 1 }).await.unwrap();
    let id = next(&mut rung).await;
    assert_eq!(next(&mut rung).await, id);
    let causes: Vec<_> =
        records(&audit, RecordKind::CallSent).into_iter().map(|record| record.cause.unwrap()).collect();
    for (attempt, cause) in (1..).zip(&causes) {
        assert_eq!((&*cause.id, &*cause.subscription, cause.attempt), (&*id, "ring", attempt));
    }
    assert_eq!(causes.len(), 2);
    eventually("both attempts are recorded", || records(&audit, RecordKind::EventHandled).len() == 2).await;
    let nested = records(&audit, RecordKind::CallSent).remove(1).id;
    let trace = audit.trace(&nested).await.unwrap();
    assert_eq!((&trace.root.id, trace.root.handled.len()), (&id, 2), "{trace}");
    for step in &trace.root.handled {
        assert_eq!((step.caused.len(), step.caused[0].handled[0].process.as_str()), (1, desk.process_id()), "{trace}");
    }
    assert_eq!(trace.root_cause().unwrap().record.next, Some(recorder::Next::Retry { after_ms: 0 }), "{trace}");
    let caused = audit.recent(&RecentFilter::new().ids([&id]));
    assert!(caused.iter().any(|record| record.name == "test.bell.ring"), "{caused:?}");
}

/// Gives each call that is served a value of its own.
struct Keep(mpsc::UnboundedSender<Weak<()>>);

impl Layer for Keep {
    async fn call(&self, message: &mut Message, next: Next<'_>) -> layer::Outcome {
        if message.occasion() == Occasion::Serve {
            let value = Arc::new(());
            let _ = self.0.send(Arc::downgrade(&value));
            message.insert(value);
        }
        next.run(message).await
    }
}

pub async fn records_do_not_keep_what_layers_gave_to_a_handler(world: &World) {
    let (sender, mut kept) = mpsc::unbounded_channel();
    let keep = Keep(sender);
    let server = world.keep(world.process("desk").layer(keep).connect().await.unwrap());
    let _handles = serve(&server).await;
    let caller = world.join("shop").await;
    DeskClient::new(&caller).time_left_beyond(false).await.unwrap();
    let of_handler = next(&mut kept).await;
    let caused = records(&server, RecordKind::CallSent);
    assert!(matches!(&caused[..], [record] if record.cause.is_some()), "{caused:?}");
    eventually("the handler's value is dropped", || of_handler.strong_count() == 0).await;
}

pub async fn a_process_keeps_as_many_records_as_it_is_told(world: &World) {
    let few = world.keep(world.process("few").recorder_size(2).connect().await.unwrap());
    let none = world.keep(world.process("none").recorder_size(0).connect().await.unwrap());
    for bus in [&few, &none] {
        for _ in 0..3 {
            let _ = BellClient::new(bus).ring().await;
        }
        assert_eq!(bus.stats().called["test.bell.ring"].count_of(Outcome::NoServer), 3);
    }
    assert_eq!(few.recent(&RecentFilter::new()).len(), 2);
    assert!(none.recent(&RecentFilter::new()).is_empty());
}

pub async fn other_processes_are_asked_what_happened(world: &World) {
    let (desk, shop) = (world.join("desk").await, world.join("shop").await);
    desk.serve(BellServer::new(Brass)).await.unwrap();
    BellClient::new(&shop).ring().await.unwrap();
    let call = records(&shop, RecordKind::CallSent).remove(0);
    let asking = || shop.introspection().timeout(GUARD);
    let stats = asking().service("desk").stats().await.unwrap();
    assert_eq!(stats.of(desk.process_id()).unwrap().served["test.bell.ring"].count_of(Outcome::Ok), 1);
    let recent = asking().recent(&RecentFilter::new().ids([&call.id])).await.unwrap();
    let kinds = |bus: &Bus| recent.of(bus.process_id()).unwrap().iter().map(|record| record.kind).collect::<Vec<_>>();
    assert_eq!((kinds(&shop), kinds(&desk)), (vec![RecordKind::CallSent], vec![RecordKind::CallServed]));
    // Questions are neither counted nor recorded.
    assert_eq!((desk.stats().served.len(), desk.recent(&RecentFilter::new()).len()), (1, 1));
}
