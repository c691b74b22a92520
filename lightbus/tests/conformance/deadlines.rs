//! What deadlines promise.

use std::time::Duration;

use lightbus::prelude::*;
use lightbus::rpc::Servers;
use lightbus_test_support::wait::{GUARD, guarded, next, waiting};
use lightbus_test_support::world::World;

use crate::desk::{self, DeskClient, DeskServer, Registered};

const SOON: Duration = Duration::from_millis(200);

/// An API that calls itself.
#[lightbus::api(name = "test.mirror")]
trait Mirror {
    /// Returns what a call of `inner` says.
    async fn outer(&self) -> String;
    async fn inner(&self);
}

struct Hall {
    mirror: MirrorClient,
}

impl Mirror for Hall {
    async fn outer(&self) -> String {
        match self.mirror.inner().timeout(SOON).await {
            Ok(()) => "it ran".to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }

    async fn inner(&self) {}
}

pub async fn a_call_that_times_out_says_that_a_server_was_running(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let handles = desk::serve(&server).await;
    let error = DeskClient::new(&caller).wait("for long".into()).timeout(SOON).await.unwrap_err();
    let CallError::DeadlineExceeded { timeout, servers, .. } = error else { panic!("{error:?}") };
    assert_eq!((timeout, servers), (SOON, Servers::Running(1)));
    handles.gate.add_permits(1);
}

pub async fn a_call_that_times_out_says_that_no_server_was_running(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    server.shutdown().await;
    let error = DeskClient::new(&caller).echo("anyone?").timeout(SOON).await.unwrap_err();
    assert!(matches!(&error, CallError::DeadlineExceeded { servers: Servers::None, .. }), "{error:?}");
}

pub async fn a_call_that_waited_too_long_is_not_run(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let (clerk, mut handles) = desk::clerk(&server, 1);
    server.serve(DeskServer::new(clerk)).concurrency(1).await.unwrap();
    let desk = DeskClient::new(&caller);

    let first = tokio::spawn(desk.wait("first".into()).timeout(GUARD).into_future());
    next(&mut handles.begun).await;
    // One waits in the server, the others in the queue.
    for late in ["late 1", "late 2", "late 3"] {
        let error = desk.wait(late.into()).timeout(SOON).await.unwrap_err();
        assert!(matches!(&error, CallError::DeadlineExceeded { .. }), "{error:?}");
    }
    handles.gate.add_permits(2);
    guarded(first).await.unwrap().unwrap();
    desk.wait("last".into()).timeout(GUARD).await.unwrap();
    assert_eq!(waiting(&mut handles.begun), ["last"]);
}

pub async fn a_call_within_a_handler_inherits_the_deadline(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    let left = desk.time_left_beyond(false).timeout(Duration::from_secs(3)).await.unwrap().unwrap();
    assert!(left <= 3000, "the bus's own default would be 5000 ms, and {left} ms were left");
    // What is left never becomes more than what the inner call asks for itself.
    let left = desk.time_left_beyond(false).timeout(GUARD).await.unwrap().unwrap();
    assert!(left <= 5000, "{left} ms were left");
}

pub async fn a_spawned_task_inherits_the_deadline_that_it_is_given(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    let left = desk.time_left_beyond(true).timeout(Duration::from_secs(3)).await.unwrap().unwrap();
    assert!(left <= 3000, "{left} ms were left");
}

pub async fn a_call_that_waits_for_its_own_handler_says_how_to_let_it_run(world: &World) {
    let server = world.join("hall").await;
    let hall = Hall { mirror: MirrorClient::new(&server) };
    let serving = server.serve(MirrorServer::new(hall)).concurrency(1).await.unwrap();
    let mirror = MirrorClient::new(&server);
    let error = mirror.outer().timeout(GUARD).await.unwrap();
    assert!(error.contains("test.mirror.inner") && error.contains("1 process was serving the API"), "{error}");
    assert!(error.contains("calls its own API needs one more place in its `concurrency`"), "{error}");
    serving.stop().await;

    let hall = Hall { mirror: mirror.clone() };
    server.serve(MirrorServer::new(hall)).concurrency(2).await.unwrap();
    assert_eq!(mirror.outer().timeout(GUARD).await.unwrap(), "it ran");
}

pub async fn a_method_has_a_default_timeout(world: &World) {
    // Its handler never ends.
    let server = world.process("desk").shutdown_timeout(SOON).connect().await.unwrap();
    let (server, caller) = (world.keep(server), world.join("caller").await);
    let _handles = desk::serve(&server).await;
    let error = DeskClient::new(&caller).in_a_hurry().await.unwrap_err();
    let CallError::DeadlineExceeded { timeout, .. } = error else { panic!("{error:?}") };
    assert_eq!(timeout, Duration::from_millis(1));
}

pub async fn a_call_of_a_handler_without_time_left_is_not_sent(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let mut handles = desk::serve(&server).await;
    let desk = DeskClient::new(&caller);
    let late = Context::builder().timeout(Duration::ZERO).build();
    let error = desk.wait("late".into()).context(&late).await.unwrap_err();
    assert!(matches!(&error, CallError::NoTimeLeft { .. }) && !error.may_have_run(), "{error:?}");
    desk.nothing().await.unwrap();
    assert!(waiting(&mut handles.begun).is_empty());
}

pub async fn no_timeout_is_too_long(world: &World) {
    let (server, caller) = (world.join("desk").await, world.join("caller").await);
    let _handles = desk::serve(&server).await;
    DeskClient::new(&caller).echo("no hurry").timeout(Duration::MAX).await.unwrap();
    server.publish(Registered { serial: "SN-1".into(), customer: 1 }).timeout(Duration::MAX).await.unwrap();
}
