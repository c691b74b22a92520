//! Asking processes about themselves.

use std::time::{Duration, SystemTime};

use lightbus::api::Api;
use lightbus::introspection::{Answers, Info, Ping, QueueName};
use lightbus::schema::compare;
use lightbus::{Bus, Error, Retries};
use lightbus_test_support::wait::{GUARD, eventually_async, guarded};
use lightbus_test_support::world::World;

use crate::desk::{self, BellApi, BellClient, BellServer, Brass, Closed, DeskApi, DeskClient, Registered};

/// Asks who is there until all of these answer: a process is asked only soon after it has connected.
pub async fn everybody(asker: &Bus, processes: &[&Bus]) -> Answers<Ping> {
    let answered = std::sync::Mutex::new(None);
    eventually_async("everybody answers", || async {
        let pings = asker.introspection().timeout(GUARD).ping().await.unwrap();
        let all = processes.iter().all(|bus| pings.of(bus.process_id()).is_some());
        *answered.lock().unwrap() = Some(pings);
        all
    })
    .await;
    answered.into_inner().unwrap().unwrap()
}

pub async fn every_process_answers_with_what_it_consumes(world: &World) {
    let (first, second) = (world.join("desk").await, world.join("desk").await);
    let audit = world.keep(world.process("audit").version("1.2.3").connect().await.unwrap());
    let (_first, _second) = (desk::serve(&first).await, desk::serve(&second).await);
    audit.subscribe("closings", |_: Closed| async {}).await.unwrap();
    let _client = BellClient::new(&audit);

    let pings = everybody(&audit, &[&first, &second, &audit]).await;
    assert!(pings.is_complete() && pings.failures.is_empty() && pings.dropped == 0, "{pings:?}");
    let (served, idle) = (QueueName::Api { api: "test.desk".to_owned() }, "test.bell");
    let counts: Vec<_> =
        pings.queues.iter().map(|queue| (queue.queue.to_string(), queue.consumers, queue.answered)).collect();
    let expected = [(idle, 0, 0), ("test.desk", 2, 2), ("audit/closings", 1, 1)];
    assert_eq!(counts, expected.map(|(name, consumers, answered)| (name.to_owned(), Some(consumers), answered)));
    assert_eq!(pings.queues[1].queue, served);

    let ping = pings.of(audit.process_id()).unwrap();
    assert!(ping.process.starts_with("audit@") && ping.service == "audit" && ping.healthy, "{ping:?}");
    assert_eq!((ping.pid, &*ping.version, &*ping.lightbus), (std::process::id(), "1.2.3", env!("CARGO_PKG_VERSION")));
    assert_eq!((&*ping.subscriptions, &*ping.calls), (&["closings".to_owned()][..], &["test.bell".to_owned()][..]));
    assert!(ping.started_at() <= ping.now() && ping.now() <= SystemTime::now());
    assert_eq!(pings.of(first.process_id()).unwrap().serves, ["test.desk"]);
    let round_trips = pings.answers.iter().map(|answer| answer.round_trip);
    assert!(round_trips.clone().all(|round_trip| round_trip < GUARD) && round_trips.count() >= 3);
}

pub async fn a_process_tells_everything_about_itself(world: &World) {
    let bus = world.keep(world.process("desk").call_concurrency(7).connect().await.unwrap());
    let _handles = desk::serve(&bus).await;
    bus.own_api::<BellApi>();
    let _client = DeskClient::new(&bus);
    let retries = Retries::after([Duration::ZERO, Duration::from_millis(1500)]);
    bus.subscribe("audit", |_: Registered| async {})
        .retries(retries)
        .concurrency(3)
        .prefetch(5)
        .handler_timeout(Duration::from_secs(9))
        .dedupe(lightbus::RecentIds::new(10))
        .await
        .unwrap();
    bus.subscribe_pattern("everything", "test.#", |_: lightbus::event::AnyEvent| async {}).await.unwrap();
    everybody(&bus, &[&bus]).await;

    let infos: Answers<Info> = bus.introspection().timeout(GUARD).process(bus.process_id()).info().await.unwrap();
    let [answer] = &*infos.answers else { panic!("{infos:?}") };
    let Info { ping, serves, publishes, calls, subscriptions, settings, .. } = &answer.value;
    assert_eq!(ping.process, bus.process_id());
    let hash = DeskApi::schema().hash().to_string();
    let [served] = &**serves else { panic!("{serves:?}") };
    assert_eq!((&*served.api, &*served.hash, served.concurrency), ("test.desk", &*hash, 7));
    assert!(served.consuming && served.problem.is_none() && !served.version.is_empty(), "{served:?}");
    let methods: Vec<_> = served.methods.iter().map(|method| &*method.name).collect();
    let declared: Vec<_> = DeskApi::DESCRIPTOR.methods().iter().map(|method| method.name()).collect();
    assert_eq!(methods, declared);
    let names = |apis: &[lightbus::introspection::KnownApi]| apis.iter().map(|api| api.api.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(publishes), names(calls)),
        (vec!["test.desk".to_owned(), "test.bell".to_owned()], vec!["test.desk".to_owned()])
    );
    let [audit, everything] = &**subscriptions else { panic!("{subscriptions:?}") };
    assert_eq!((&*audit.name, &*audit.pattern), ("audit", "test.desk.registered"));
    assert_eq!(audit.api.as_ref().map(|api| &*api.hash), Some(&*hash));
    assert_eq!((&*audit.retries_ms, audit.concurrency, audit.prefetch), (&[0, 1500][..], 3, 5));
    assert!(audit.dedupe && audit.consuming && audit.handler_timeout_ms == 9000, "{audit:?}");
    assert!(everything.api.is_none() && !everything.dedupe && everything.pattern == "test.#", "{everything:?}");
    assert_eq!(settings["call_concurrency"], 7);
    assert!(!settings["url"].as_str().unwrap().contains("guest:guest"), "{settings:?}");
}

pub async fn questions_go_to_a_service_or_to_one_process(world: &World) {
    let (desk, other, audit) = (world.join("desk").await, world.join("desk").await, world.join("audit").await);
    everybody(&audit, &[&desk, &other, &audit]).await;
    let ids = |pings: Answers<Ping>| {
        let mut ids: Vec<_> = pings.answers.into_iter().map(|answer| answer.process).collect();
        ids.sort();
        ids
    };
    let mut expected = [desk.process_id(), other.process_id()];
    expected.sort_unstable();
    assert_eq!(ids(audit.introspection().timeout(GUARD).service("desk").ping().await.unwrap()), expected);
    assert_eq!(
        ids(audit.introspection().timeout(GUARD).process(desk.process_id()).ping().await.unwrap()),
        [desk.process_id()]
    );
    // Nobody is there, and that is known at once.
    let nobody = guarded(audit.introspection().timeout(10 * GUARD).service("nobody").ping()).await.unwrap();
    assert!(nobody.answers.is_empty() && nobody.is_complete(), "{nobody:?}");
    let expecting = audit.introspection().timeout(GUARD).service("nobody");
    let expecting = expecting.expect_api("test.nobody").unwrap().expect_subscription("audit", "none").unwrap();
    assert_eq!(expecting.ping().await.unwrap().queues.len(), 2);
    assert!(matches!(audit.introspection().expect_api("Not a name"), Err(Error::Name(_))));
}

pub async fn a_schema_is_fetched_by_its_hash(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    let _handles = desk::serve(&desk).await;
    everybody(&audit, &[&desk, &audit]).await;
    let own = DeskApi::schema();
    let hash = own.hash().to_string();
    let fetched = audit.introspection().timeout(GUARD).schema(&hash).await.unwrap().unwrap();
    assert_eq!((&fetched.name, fetched.hash()), (&own.name, own.hash()));
    assert!(compare(&fetched, &own).is_compatible());
    assert!(audit.introspection().timeout(GUARD).schema("0123").await.unwrap().is_none());
}

pub async fn a_process_that_left_is_not_missing(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    let left = world.process("desk").connect().await.unwrap();
    let (_served, _serves) = (desk::serve(&left).await, desk::serve(&desk).await);
    everybody(&audit, &[&desk, &left, &audit]).await;
    left.shutdown().await;
    let pings = audit.introspection().timeout(GUARD).ping().await.unwrap();
    assert!(pings.is_complete() && pings.of(left.process_id()).is_none(), "{pings:?}");
}

pub async fn processes_come_and_go_while_everyone_is_asked(world: &World) {
    let (stays, asker) = (world.join("desk").await, world.join("audit").await);
    stays.serve(BellServer::new(Brass)).await.unwrap();
    everybody(&asker, &[&stays, &asker]).await;
    let visitors = async {
        for _ in 0..10 {
            let visitor = world.process("desk").connect().await.unwrap();
            visitor.serve(BellServer::new(Brass)).await.unwrap();
            visitor.shutdown().await;
        }
    };
    let questions = async {
        for _ in 0..10 {
            let pings = asker.introspection().ping().await.unwrap();
            assert!(pings.of(stays.process_id()).is_some() && pings.of(asker.process_id()).is_some(), "{pings:?}");
        }
    };
    guarded(async { tokio::join!(visitors, questions) }).await;
    let pings = asker.introspection().timeout(GUARD).ping().await.unwrap();
    assert!(pings.is_complete(), "{pings:?}");
}

pub async fn asking_on_a_bus_that_was_shut_down_fails(world: &World) {
    let bus = world.join("desk").await;
    bus.shutdown().await;
    assert!(matches!(bus.introspection().ping().await, Err(Error::Closed)));
}
