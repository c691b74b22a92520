//! What calls promise.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use lightbus::prelude::*;
use lightbus::rpc::MessageKind;
use lightbus_test_support::wait::{GUARD, guarded, next, waiting};
use lightbus_test_support::world::World;

use crate::desk::{self, BellClient, BellServer, Brass, DeskClient, DeskError, DeskServer, Part, other_version};

pub async fn a_call_returns_what_the_method_returns(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);

    assert_eq!(desk.echo("grüße").await.unwrap(), "grüße");
    assert_eq!(desk.echo("").await.unwrap(), "");
    assert_eq!(desk.add(&[1, -2, i64::MAX - 3], 4).await.unwrap(), i64::MAX);
    assert_eq!(desk.bytes(&[0, 255, 7]).await.unwrap(), [0, 255, 7]);
    desk.nothing().await.unwrap();
    let part = Part { number: "P1".into(), price: 0.1, fits: vec![], replaced_by: None };
    let improved = desk.improve(&part).await.unwrap();
    assert_eq!(improved.replaced_by.unwrap().number, "P1+");
    let both = tokio::join!(desk.echo("a"), desk.part("P2"));
    assert_eq!((both.0.unwrap(), both.1.unwrap().number), ("a".to_owned(), "P2".to_owned()));
}

pub async fn a_method_returns_its_own_typed_error(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);

    let error = desk.part("X1").await.unwrap_err();
    assert_eq!(error.to_string(), "test.desk.part returned an error: there is no part X1");
    assert_eq!(error.into_method_error().unwrap(), DeskError::UnknownPart { number: "X1".into() });
    assert_eq!(desk.fail().await.unwrap_err().into_method_error().unwrap(), DeskError::Closed);
}

pub async fn a_call_to_an_api_that_nobody_serves_fails_at_once(world: &World) {
    let caller = world.join("caller").await;
    // Were it not told at once, the call would end as a timeout.
    let error = BellClient::new(&caller).ring().timeout(GUARD).await.unwrap_err();
    assert!(matches!(&error, CallError::NoServer { api, method } if api == "test.bell" && method == "test.bell.ring"));
    assert_eq!(error.to_string(), "test.bell.ring was not called, because no process serves test.bell");
    assert!(error.help().unwrap().contains("Start the service"), "{error:?}");
}

pub async fn a_method_that_the_server_does_not_have_has_its_own_error(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let error = other_version::DeskClient::new(&caller).refund("P1".into()).await.unwrap_err();
    let CallError::UnknownMethod { method, known, .. } = error else { panic!("{error:?}") };
    assert_eq!(method, "test.desk.refund");
    assert!(known.contains(&"echo".to_owned()));
}

pub async fn arguments_that_do_not_decode_have_their_own_error_with_the_path(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = other_version::DeskClient::new(&caller);

    let error = desk.echo(vec![1]).await.unwrap_err();
    let CallError::InvalidArguments { path, reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(path, "text");
    assert!(reason.contains("expected a string"), "{reason}");

    let part = other_version::Part { number: "P1".into(), price: 1.0, fits: vec!["bike".into()] };
    let error = desk.improve(part).await.unwrap_err();
    assert!(matches!(&error, CallError::InvalidArguments { path, .. } if path == "part.fits[0]"), "{error:?}");
}

pub async fn a_reply_that_does_not_decode_has_its_own_error(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = other_version::DeskClient::new(&caller);

    let value = desk.nothing().await.unwrap_err();
    assert!(matches!(&value, CallError::InvalidReply { .. }), "{value:?}");
    let unexpected_error = desk.part("X1".into()).await.unwrap_err();
    assert!(matches!(&unexpected_error, CallError::InvalidReply { .. }), "{unexpected_error:?}");
}

pub async fn an_argument_with_a_default_may_be_missing(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    assert_eq!(other_version::DeskClient::new(&caller).with_default("ab".into()).await.unwrap(), "ab");
    assert_eq!(DeskClient::new(&caller).with_default("ab".into(), 1).await.unwrap(), "abab");
}

pub async fn an_argument_that_is_an_option_may_be_missing_and_unknown_ones_are_ignored(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let both = (Some(1), Some("b".to_owned()));
    assert_eq!(DeskClient::new(&caller).maybe(both.0, both.1.clone()).await.unwrap(), both);
    let newer = other_version::DeskClient::new(&caller);
    assert_eq!(newer.maybe(both.1.clone(), vec![1, 2]).await.unwrap(), (None, both.1));
    assert_eq!(newer.maybe(None, vec![]).await.unwrap(), (None, None));
}

pub async fn arguments_that_nobody_could_decode_are_refused_before_they_are_sent(world: &World) {
    let caller = world.join("caller").await;
    let part = Part { number: "P1".into(), price: f64::NAN, fits: vec![], replaced_by: None };
    let error = DeskClient::new(&caller).improve(&part).await.unwrap_err();
    let CallError::InvalidRequest { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("at `part.price`: NaN"), "{reason}");
    let error = DeskClient::new(&caller).double(u128::MAX).await.unwrap_err();
    let CallError::InvalidRequest { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("at `number`: "), "{reason}");
}

pub async fn a_reply_that_nobody_could_decode_is_refused_by_the_server(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    assert_eq!(desk.double(7).await.unwrap(), 14);
    let error = desk.double(u64::MAX.into()).await.unwrap_err();
    let CallError::InvalidReply { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("36893488147419103230 does not fit"), "{reason}");
    let error = desk.pay(5).await.unwrap_err();
    let CallError::InvalidReply { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("at `amount`: serde cannot decode"), "{reason}");
}

pub async fn a_panic_in_a_handler_has_its_own_error_and_the_server_continues(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);

    let error = desk.break_down("out of ink".into()).await.unwrap_err();
    assert!(matches!(&error, CallError::HandlerPanicked { message, .. } if message == "out of ink"), "{error:?}");
    assert_eq!(desk.echo("still here").await.unwrap(), "still here");
}

pub async fn the_handler_knows_who_calls(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("spare-parts").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    let (first, second) = (desk.who_calls().await.unwrap(), desk.who_calls().await.unwrap());
    assert_eq!(first.0, "spare-parts");
    assert_ne!(first.1, second.1);
}

pub async fn nothing_is_sent_before_the_await(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let mut handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    handles.gate.add_permits(2);
    drop(desk.wait("never awaited".into()));
    desk.wait("awaited".into()).await.unwrap();
    assert_eq!(waiting(&mut handles.begun), ["awaited"]);
}

pub async fn parallel_calls_run_up_to_the_concurrency_limit(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let (clerk, mut handles) = desk::clerk(&server, 1);
    server.serve(DeskServer::new(clerk)).concurrency(20).await.unwrap();
    let desk = DeskClient::new(&caller);

    let calls = tokio::spawn(join_all((0..200).map(|n| desk.wait(n.to_string()).timeout(GUARD).into_future())));
    for _ in 0..20 {
        next(&mut handles.begun).await;
    }
    handles.gate.add_permits(200);
    let mut answers: Vec<u32> =
        guarded(calls).await.unwrap().into_iter().map(|answer| answer.unwrap().parse().unwrap()).collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..200).collect::<Vec<_>>());
    assert_eq!(handles.most_running.load(Ordering::SeqCst), 20);
}

pub async fn the_processes_of_a_service_share_its_calls(world: &World) {
    let (first, second, caller) = (world.join("desk").await, world.join("desk").await, world.join("caller").await);
    // Each runs one call at a time, and neither call ends before both run: they have to be in different processes.
    let (clerk, _first_handles) = desk::clerk(&first, 2);
    let barrier = clerk.barrier.clone();
    first.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();
    let (mut clerk, _second_handles) = desk::clerk(&second, 2);
    clerk.barrier = barrier;
    second.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();

    let desk = DeskClient::new(&caller);
    let (one, other) = tokio::join!(desk.meet().timeout(GUARD), desk.meet().timeout(GUARD));
    one.unwrap();
    other.unwrap();
}

pub async fn no_call_waits_behind_a_long_one_while_another_process_is_idle(world: &World) {
    let (first, second, caller) = (world.join("desk").await, world.join("desk").await, world.join("caller").await);
    let (clerk, mut handles) = desk::clerk(&first, 1);
    let (mut other, _other_handles) = desk::clerk(&second, 1);
    (other.begun, other.gate) = (clerk.begun.clone(), clerk.gate.clone());
    first.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();
    second.serve(DeskServer::new(other)).concurrency(1).await.unwrap();

    let desk = DeskClient::new(&caller);
    let long = tokio::spawn(desk.wait("long".into()).timeout(GUARD).into_future());
    assert_eq!(next(&mut handles.begun).await, "long");
    // The process that runs the long call must not have taken any of these.
    let short = join_all((0..6).map(|_| desk.echo("short").timeout(GUARD).into_future())).await;
    assert!(short.into_iter().all(|answer| answer.unwrap() == "short"));
    handles.gate.add_permits(1);
    assert_eq!(guarded(long).await.unwrap().unwrap(), "long");
}

pub async fn an_application_serves_several_apis_and_calls_its_own(world: &World) {
    let bus = world.join("desk").await;
    let _handles = desk::serve(&bus).await;
    bus.serve(BellServer::new(Brass)).await.unwrap();
    assert_eq!(DeskClient::new(&bus).echo("a").await.unwrap(), "a");
    assert_eq!(BellClient::new(&bus).ring().await.unwrap(), "ding");
}

/// Polls a future once; whether it is still pending.
fn poll_once<F: Future + Unpin>(future: &mut F) -> bool {
    Pin::new(future).poll(&mut TaskContext::from_waker(Waker::noop())).is_pending()
}

pub async fn ten_thousand_dropped_calls_leave_nothing_behind(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    desk.nothing().await.unwrap();

    for n in 0..10_000_u32 {
        // The first poll sends it.
        assert!(poll_once(&mut desk.wait(n.to_string()).into_future()));
    }
    assert_eq!(caller.calls_in_flight(), 0);
    handles.gate.add_permits(10_000);
    assert_eq!(desk.echo("and on").timeout(GUARD).await.unwrap(), "and on");
}

pub async fn ten_megabytes_go_through(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let text = "x".repeat(10 * 1024 * 1024);
    assert!(DeskClient::new(&caller).echo(&text).timeout(GUARD).await.unwrap() == text);
}

pub async fn messages_that_are_too_large_are_refused_on_both_sides(world: &World) {
    let limited = |service| world.process(service).max_message_size(1000).connect();
    let (server, caller) = (world.keep(limited("desk").await.unwrap()), world.join("caller").await);
    let limited_caller = world.keep(limited("caller").await.unwrap());
    let _handles = desk::serve(&server).await;
    let (desk, limited_desk) = (DeskClient::new(&caller), DeskClient::new(&limited_caller));

    let large = "x".repeat(2000);
    for (call, expected) in [
        (limited_desk.echo(&large), MessageKind::Request),
        (desk.echo(&large), MessageKind::Request),
        (desk.many_bytes(2000), MessageKind::Reply),
    ] {
        let error = call.await.unwrap_err();
        let CallError::TooLarge { what, size, limit, .. } = error else { panic!("{error:?}") };
        assert_eq!((what, limit), (expected, 1000));
        assert!((2000..2050).contains(&size), "{size}");
    }
}

pub async fn a_process_serves_an_api_once(world: &World) {
    let bus = world.join("desk").await;
    bus.serve(BellServer::new(Brass)).await.unwrap();
    let error = bus.serve(BellServer::new(Brass)).await.unwrap_err();
    assert!(matches!(&error, lightbus::Error::AlreadyServing { api } if api == "test.bell"));
    assert_eq!(BellClient::new(&bus).ring().await.unwrap(), "ding");
}

/// A call of `wait` or `wait_idempotent` whose first server dies while it runs, and which a second server could run.
async fn call_whose_server_dies(
    world: &World,
    idempotent: bool,
    timeout: Duration,
) -> (Result<String, CallError>, bool) {
    let (begun, mut first_begun) = tokio::sync::mpsc::unbounded_channel();
    let doomed = world
        .killable("desk", move |bus| async move {
            let (mut clerk, _) = desk::clerk(&bus, 1);
            clerk.begun = begun;
            bus.serve(DeskServer::new(clerk)).await.unwrap();
        })
        .await;
    let caller = world.join("caller").await;
    let desk = DeskClient::new(&caller);
    let call = if idempotent { desk.wait_idempotent("it".into()) } else { desk.wait("it".into()) };
    let call = tokio::spawn(call.timeout(timeout).into_future());
    next(&mut first_begun).await;

    let second = world.join("desk").await;
    let mut handles = desk::serve(&second).await;
    handles.gate.add_permits(1);
    doomed.kill();
    let result = guarded(call).await.unwrap();
    (result, !waiting(&mut handles.begun).is_empty())
}

pub async fn an_idempotent_method_is_run_again_when_its_server_died(world: &World) {
    let (result, ran_again) = call_whose_server_dies(world, true, GUARD).await;
    assert_eq!(result.unwrap(), "it");
    assert!(ran_again);
}

pub async fn any_other_method_is_never_run_again_when_its_server_died(world: &World) {
    let (result, ran_again) = call_whose_server_dies(world, false, GUARD).await;
    assert!(matches!(&result, Err(CallError::OutcomeUnknown { .. })), "{result:?}");
    assert!(!ran_again);
}

pub async fn a_call_held_by_a_dead_server_is_not_run_and_says_so(world: &World) {
    let (begun, mut first_begun) = tokio::sync::mpsc::unbounded_channel();
    let doomed = world
        .killable("desk", move |bus| async move {
            let (mut clerk, _) = desk::clerk(&bus, 1);
            clerk.begun = begun;
            bus.serve(DeskServer::new(clerk)).concurrency(1).prefetch(2).await.unwrap();
        })
        .await;
    let caller = world.join("caller").await;
    let desk = DeskClient::new(&caller);
    let _running = tokio::spawn(desk.wait("running".into()).timeout(GUARD).into_future());
    next(&mut first_begun).await;
    // The first poll sends it, while there is no other server that it could go to.
    let mut held = desk.wait("held".into()).timeout(GUARD).into_future();
    assert!(poll_once(&mut held));
    let second = world.join("desk").await;
    let mut handles = desk::serve(&second).await;

    doomed.kill();
    let error = guarded(held).await.unwrap_err();
    assert!(matches!(&error, CallError::OutcomeUnknown { .. }), "{error:?}");
    assert!(waiting(&mut handles.begun).is_empty());
}
