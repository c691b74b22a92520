//! Processes that do not go together. The one that starts later warns.

use lightbus::Bus;
use lightbus_test_support::log;
use lightbus_test_support::world::World;

use crate::desk::{self, BellClient, BellServer, Brass, Closed, DeskClient, Registered, other_version};
use crate::introspection::everybody;

/// Connects a process that answers questions.
async fn join(world: &World, service: &str) -> Bus {
    log::capture();
    let bus = world.join(service).await;
    everybody(&bus, &[&bus]).await;
    bus
}

/// The warnings of one process.
fn warnings(bus: &Bus) -> Vec<String> {
    let own = format!("process={}", bus.process_id());
    let is_own =
        |line: &&str| line.contains("WARN") && (line.contains(&own) || line.contains(&own.replace('=', "=\"")));
    log::text().lines().filter(is_own).map(str::to_owned).collect()
}

pub async fn a_process_warns_of_other_events_under_the_name_of_its_subscription(world: &World) {
    let (older, newer) = (join(world, "audit").await, join(world, "audit").await);
    older.subscribe("closings", |_: Closed| async {}).await.unwrap();
    newer.subscribe("closings", |_: Registered| async {}).await.unwrap();
    let words = ["subscribes to test.desk.closed", "\"closings\"", "test.desk.registered", "another name"];
    log::wait_for(&[&[newer.process_id(), older.process_id()], &words[..]].concat()).await;
}

pub async fn a_process_warns_once_of_another_service_that_serves_its_api(world: &World) {
    let (older, newer) = (join(world, "bells").await, join(world, "desk").await);
    older.serve(BellServer::new(Brass)).await.unwrap();
    let _older = desk::serve(&older).await;
    newer.serve(BellServer::new(Brass)).await.unwrap();
    let words = ["the service bells serves test.bell too", "namespace"];
    log::wait_for(&[&[newer.process_id(), older.process_id()], &words[..]].concat()).await;
    // It looks around once more.
    let _newer = desk::serve(&newer).await;
    log::wait_for(&[newer.process_id(), "the service bells serves test.desk too"]).await;
    let of_bell = warnings(&newer).into_iter().filter(|line| line.contains("test.bell"));
    assert_eq!(of_bell.count(), 1);
}

pub async fn a_caller_warns_of_a_server_that_it_does_not_understand(world: &World) {
    let (server, caller) = (join(world, "desk").await, join(world, "caller").await);
    let _handles = desk::serve(&server).await;
    let _client = other_version::DeskClient::new(&caller);
    let words = ["serves test.desk in another version than this process calls", "`echo`, argument: `text`", "more"];
    log::wait_for(&[&[caller.process_id(), server.process_id()], &words[..]].concat()).await;
}

pub async fn a_server_warns_of_a_caller_that_it_does_not_understand(world: &World) {
    let (server, caller) = (join(world, "desk").await, join(world, "caller").await);
    let _client = other_version::DeskClient::new(&caller);
    let _handles = desk::serve(&server).await;
    let words = ["calls test.desk in another version than this process serves", "`echo`, argument: `text`"];
    log::wait_for(&[&[server.process_id(), caller.process_id()], &words[..]].concat()).await;
}

pub async fn a_subscriber_warns_of_a_publisher_that_it_does_not_understand(world: &World) {
    let (publisher, audit) = (join(world, "desk").await, join(world, "audit").await);
    let _handles = desk::serve(&publisher).await;
    audit.subscribe("audit", |_: other_version::Registered| async {}).await.unwrap();
    let words =
        ["publishes test.desk in another version than this process subscribes to", "`registered`, event: `serial`"];
    log::wait_for(&[&[audit.process_id(), publisher.process_id()], &words[..]].concat()).await;
}

pub async fn processes_that_go_together_are_not_warned_of(world: &World) {
    let (first, second, caller) = (join(world, "desk").await, join(world, "desk").await, join(world, "caller").await);
    let (_first, _second) = (desk::serve(&first).await, desk::serve(&second).await);
    for bus in [&first, &second] {
        bus.subscribe("closings", |_: Closed| async {}).await.unwrap();
    }
    let (_desk, _bell) = (DeskClient::new(&caller), BellClient::new(&caller));
    // A conflict that comes later shows that everybody has looked around.
    let other = join(world, "other").await;
    for bus in [&other, &first, &second, &caller] {
        bus.serve(BellServer::new(Brass)).await.unwrap();
    }
    for bus in [&first, &second, &caller] {
        log::wait_for(&[bus.process_id(), "serves test.bell too"]).await;
        assert!(warnings(bus).iter().all(|line| line.contains("test.bell")), "{:?}", warnings(bus));
    }
}
