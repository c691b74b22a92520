//! Code around calls and events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lightbus::event::FailureReason;
use lightbus::layer::{Layer, Message, Next, Occasion, Outcome};
use lightbus::prelude::*;
use lightbus::{Bus, BusBuilder, Error};
use lightbus_test_support::wait::{eventually_async, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{self, DeskApi, DeskClient, DeskServer, Registered};

fn registered() -> Registered {
    Registered { serial: "SN-1".to_owned(), customer: 7 }
}

/// Tells what passes a layer: on the way in, and on the way out with the outcome.
struct Tell {
    name: &'static str,
    seen: mpsc::UnboundedSender<String>,
}

impl Layer for Tell {
    async fn call(&self, message: &mut Message, next: Next<'_>) -> Outcome {
        let line = format!("{} {:?} {}", self.name, message.occasion(), message.full_name());
        let _ = self.seen.send(line.clone());
        let outcome = next.run(message).await;
        let _ = self.seen.send(format!("{line}: {}", outcome.status()));
        outcome
    }
}

fn tell(name: &'static str, seen: &mpsc::UnboundedSender<String>) -> Tell {
    Tell { name, seen: seen.clone() }
}

async fn connect(world: &World, builder: BusBuilder) -> Bus {
    let bus = world.keep(builder.connect().await.unwrap());
    bus.own_api::<DeskApi>();
    bus
}

/// The layers of one side, with those of the bus around the others, in the order in which they were added.
fn nested(what: &str, status: &str) -> Vec<String> {
    let name = |name: &str| format!("{name} {what}");
    let inwards = ["first", "second", "inner"].map(name);
    let outwards = ["inner", "second", "first"].map(name).map(|line| format!("{line}: {status}"));
    inwards.into_iter().chain(outwards).collect()
}

pub async fn layers_run_once_each_from_the_outermost_inwards(world: &World) {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let server = world.process("desk").layer(tell("first", &sender)).layer(tell("second", &sender));
    let server = connect(world, server).await;
    let (clerk, _handles) = desk::clerk(&server, 1);
    server.serve(DeskServer::new(clerk)).layer(tell("inner", &sender)).await.unwrap();
    let caller = world.join("caller").await;
    assert_eq!(DeskClient::new(&caller).echo("hello").await.unwrap(), "hello");
    assert_eq!(waiting(&mut seen), nested("Serve test.desk.echo", "ok"));
    DeskClient::new(&caller).fail().await.unwrap_err();
    assert_eq!(waiting(&mut seen), nested("Serve test.desk.fail", "error"));

    let (sender, mut seen) = mpsc::unbounded_channel();
    let caller = world.process("caller").layer(tell("first", &sender)).layer(tell("second", &sender));
    let caller = connect(world, caller).await;
    let client = DeskClient::new(&caller).layer(tell("inner", &sender));
    assert_eq!(client.echo("hello").await.unwrap(), "hello");
    assert_eq!(waiting(&mut seen), nested("Call test.desk.echo", "ok"));

    // An event passes those of its publisher, and in another process those of its subscription.
    let (sender, mut handled) = mpsc::unbounded_channel();
    let audit = world.process("audit").layer(tell("first", &sender)).layer(tell("second", &sender));
    let audit = connect(world, audit).await;
    audit.subscribe("registrations", |_: Registered| async {}).layer(tell("inner", &sender)).await.unwrap();
    caller.publish(registered()).await.unwrap();
    let published = ["first", "second"].map(|name| format!("{name} Publish test.desk.registered"));
    assert_eq!(waiting(&mut seen)[..2], published);
    for line in nested("Handle test.desk.registered", "ok") {
        assert_eq!(next(&mut handled).await, line);
    }
}

async fn refuse(_: &mut Message, _: Next<'_>) -> Outcome {
    Outcome::refuse("not today")
}

pub async fn a_message_does_not_go_on_unless_its_layer_says_so(world: &World) {
    let desk = world.join("desk").await;
    let (clerk, mut handles) = desk::clerk(&desk, 1);
    desk.serve(DeskServer::new(clerk)).layer(refuse).await.unwrap();
    let audit = world.join("audit").await;
    let (sender, mut events) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |_: Registered| {
            let _ = sender.send(());
            async {}
        })
        .layer(refuse)
        .await
        .unwrap();

    // The server, and then the caller.
    let refusal = |error: CallError| {
        let CallError::Refused { reason, .. } = &error else { panic!("{error:?}") };
        assert_eq!((reason.as_str(), error.may_have_run()), ("not today", false));
    };
    let caller = world.join("caller").await;
    refusal(DeskClient::new(&caller).wait("a".to_owned()).await.unwrap_err());
    let client = DeskClient::new(&caller).layer(refuse);
    refusal(client.wait("b".to_owned()).await.unwrap_err());
    assert!(waiting(&mut handles.begun).is_empty());

    // The subscription, and then the publisher.
    desk.publish(registered()).await.unwrap();
    let letters = audit.dead_letters("registrations");
    eventually_async("the event becomes a dead letter", || async { letters.count().await.unwrap() == 1 }).await;
    let letter = letters.list(1).await.unwrap().remove(0);
    assert_eq!((letter.reason, letter.error.as_str()), (FailureReason::Rejected, "not today"));
    let other = connect(world, world.process("desk").layer(refuse)).await;
    let error = other.publish(registered()).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { reason, .. } if reason == "not today"), "{error:?}");
    assert!(waiting(&mut events).is_empty());
    assert_eq!(letters.count().await.unwrap(), 1);
}

/// What a layer finds out about a caller.
#[derive(Debug, PartialEq)]
struct Tenant(String);

pub async fn a_handler_reads_what_layers_leave_for_it(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut tenants) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |_: Registered, ctx: Context| {
            let tenant = ctx.extension::<Tenant>().map(|tenant| tenant.0.clone());
            let current = Context::current().unwrap();
            assert_eq!(current.extension::<Tenant>(), ctx.extension::<Tenant>());
            let _ = sender.send((tenant, ctx.header("x-seen").map(str::to_owned), ctx.extension::<u8>().is_some()));
            async {}
        })
        .layer(async |message: &mut Message, next: Next<'_>| {
            let tenant = message.header("x-tenant").unwrap_or("nobody").to_owned();
            assert_eq!(Context::current().unwrap().header("x-tenant"), message.header("x-tenant"));
            message.insert(Tenant(tenant));
            message.set_header("x-seen", "yes").unwrap();
            next.run(message).await
        })
        .await
        .unwrap();
    desk.publish(registered()).header("x-tenant", "north").await.unwrap();
    assert_eq!(next(&mut tenants).await, (Some("north".to_owned()), Some("yes".to_owned()), false));
}

async fn add_header(message: &mut Message, next: Next<'_>) -> Outcome {
    if let Err(error) = message.set_header("x-tenant", "from the layer") {
        return Outcome::refuse(error);
    }
    next.run(message).await
}

pub async fn what_a_layer_adds_is_sent(world: &World) {
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let seen = async move |message: &mut Message, next: Next<'_>| next.run(message).await;
    let audit = world.join("audit").await;
    audit
        .subscribe("registrations", move |_: Registered, ctx: Context| {
            let _ = sender.send(ctx.header("x-tenant").map(str::to_owned));
            async {}
        })
        .layer(seen)
        .await
        .unwrap();
    let desk = connect(world, world.process("desk").layer(add_header)).await;
    desk.publish(registered()).await.unwrap();
    assert_eq!(next(&mut arrivals).await.as_deref(), Some("from the layer"));
}

pub async fn a_layer_answers_in_place_of_the_method(world: &World) {
    let desk = world.join("desk").await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let (clerk, _handles) = desk::clerk(&desk, 1);
    desk.serve(DeskServer::new(clerk))
        .layer(move |_: &mut Message, _: Next<'_>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Outcome::value("from the layer") }
        })
        .await
        .unwrap();
    let caller = world.join("caller").await;
    assert_eq!(DeskClient::new(&caller).echo("hello").await.unwrap(), "from the layer");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let client = DeskClient::new(&caller).layer(async |_: &mut Message, _: Next<'_>| Outcome::done());
    client.nothing().await.unwrap();
    assert!(matches!(client.echo("hello").await, Err(CallError::InvalidReply { .. })));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

pub async fn a_layer_tries_again(world: &World) {
    let (desk, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&desk).await;
    let client = DeskClient::new(&caller).layer(async |message: &mut Message, next: Next<'_>| {
        let first = next.run(message).await;
        assert!(first.is_ok());
        next.run(message).await
    });
    // Each attempt is a call of its own.
    let (_, id) = client.who_calls().await.unwrap();
    let (_, other) = client.who_calls().await.unwrap();
    assert_ne!(id, other);
}

pub async fn a_failure_in_a_layer_is_a_failed_attempt(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut handled) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |_: Registered, ctx: Context| {
            let _ = sender.send(ctx.attempt());
            async {}
        })
        .retries(Retries::after([Duration::ZERO, Duration::ZERO]))
        .layer(async |message: &mut Message, next: Next<'_>| match message.attempt() {
            1 => Outcome::fail("not yet"),
            2 => panic!("no ink"),
            _ => next.run(message).await,
        })
        .await
        .unwrap();
    desk.publish(registered()).await.unwrap();
    assert_eq!(next(&mut handled).await, 3);
    let (clerk, _handles) = desk::clerk(&desk, 1);
    let serve = desk.serve(DeskServer::new(clerk));
    serve.layer(async |_: &mut Message, _: Next<'_>| -> Outcome { panic!("no ink") }).await.unwrap();
    let error = DeskClient::new(&world.join("caller").await).echo("hello").await.unwrap_err();
    assert!(matches!(error, CallError::HandlerPanicked { .. }), "{error:?}");
}

pub async fn layers_run_within_the_deadline(world: &World) {
    let caller = world.join("caller").await;
    let client = DeskClient::new(&caller).layer(async |message: &mut Message, _: Next<'_>| {
        assert!(message.time_left().is_some());
        std::future::pending().await
    });
    let error = client.echo("hello").timeout(Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error:?}");
    // The end of the layers still says why.
    let client = DeskClient::new(&caller).layer(async |message: &mut Message, next: Next<'_>| {
        let outcome = next.run(message).await;
        assert_eq!(outcome.status(), "no_server");
        outcome
    });
    let error = client.echo("hello").await.unwrap_err();
    assert!(matches!(error, CallError::NoServer { .. }), "{error:?}");
    let pause = async |message: &mut Message, _: Next<'_>| match message.occasion() {
        Occasion::Publish => std::future::pending().await,
        _ => Outcome::done(),
    };
    let desk = connect(world, world.process("desk").layer(pause)).await;
    let error = desk.publish(registered()).timeout(Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(error, Error::NotConfirmed { .. }), "{error:?}");
}
