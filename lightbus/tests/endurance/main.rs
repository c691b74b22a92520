//! Many calls, and many events through one subscription: every call is answered, every event is handled once, memory stays
//! flat, and only the durable queues remain on the broker.
//!
//! The test measures the memory of its process, so it is the only one in its target. `./scripts/test --test endurance --
//! --nocapture` shows the curve, and `--soak` as the first argument makes a million calls and events.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the test prints the curve")]
#![allow(unreachable_pub, reason = "the test is one crate")]

mod curve;
mod inventory;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lightbus::{Bus, RecentIds};
use lightbus_test_support::broker::{fresh_namespace, process};
use lightbus_test_support::environment::is_soak;
use lightbus_test_support::wait::{GUARD, eventually};
use tokio::task::JoinSet;

use self::inventory::{Inventory, Queue, eventually_found};
use self::tally::Tally;

/// How many calls, and how many events, are under way at a time.
const IN_FLIGHT: usize = 200;

/// How many of the subscription's events are handled at a time.
const CONCURRENCY: u16 = 100;

const SUBSCRIPTION: &str = "counted";

#[lightbus::api(name = "endurance.counter")]
trait Counter {
    /// Counts its run.
    async fn count(&self, number: u64) -> u64;
    /// Something was counted.
    #[event]
    fn counted(number: u64);
}

struct Desk {
    runs: Arc<Tally>,
}

impl Counter for Desk {
    async fn count(&self, number: u64) -> u64 {
        self.runs.add(number);
        number
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_and_nothing_is_left_behind() {
    let amount = if is_soak() { 1_000_000 } else { 20_000 };
    let namespace = fresh_namespace();
    // By the names of their services, the broker's connections can be told from those of others.
    let join = async |role| -> Bus { process(&format!("{role}-{namespace}"), &namespace).connect().await.unwrap() };
    let (owner, caller, subscriber) = (join("owner").await, join("caller").await, join("subscriber").await);
    let (runs, handled) = (Tally::new("calls", amount), Tally::new("events", amount));
    owner.serve(CounterServer::new(Desk { runs: runs.clone() })).await.unwrap();
    subscribe(&subscriber, &handled).await;
    let before = Inventory::settled(&namespace, 3).await;
    assert!(before.connections > 0 && before.channels >= before.connections, "{before:?}");

    call(&caller, amount).await;
    publish(&owner, &handled, amount).await;
    runs.balance();
    handled.balance();
    assert_eq!((caller.calls_in_flight(), subscriber.health().consumers[0].repeats), (0, 0));
    eventually_found(&namespace, &before).await;

    for bus in [&caller, &owner, &subscriber] {
        bus.shutdown().await;
    }
    let queues = before.queues.into_iter().filter(|queue| queue.durable).collect();
    let after = Inventory { connections: 0, channels: 0, queues };
    eventually_found(&namespace, &after).await;
    let subscription = format!("{namespace}.event.subscriber-{namespace}.{SUBSCRIPTION}");
    // The queue `.binding` holds one message, the record of what the subscription is bound to.
    let of_events = [("", 0), (".binding", 1), (".dead", 0), (".retry.10s", 0), (".retry.1s", 0), (".retry.60s", 0)];
    let of_events = of_events.map(|(end, messages)| (format!("{subscription}{end}"), messages));
    let of_calls = (format!("{namespace}.rpc.endurance.counter"), 0);
    let durable = of_events.into_iter().chain([of_calls]);
    let durable = durable.map(|(name, messages)| Queue { name, durable: true, messages });
    assert_eq!(after.queues, durable.collect::<Vec<_>>());
}

async fn subscribe(bus: &Bus, handled: &Arc<Tally>) {
    let handled = handled.clone();
    let handler = move |event: Counted| {
        handled.add(event.number);
        async {}
    };
    // What it remembers is part of what has to stay flat.
    bus.subscribe(SUBSCRIPTION, handler).concurrency(CONCURRENCY).dedupe(RecentIds::new(1000)).await.unwrap();
}

/// Makes so many calls. Each is answered with its own number.
async fn call(caller: &Bus, amount: u64) {
    let client = CounterClient::new(caller);
    many(amount, move |number| {
        let call = client.count(number).timeout(GUARD).into_future();
        async move { assert_eq!(call.await.unwrap(), number, "a call got another one's answer") }
    })
    .await;
}

/// Publishes so many events, and waits until they are handled.
async fn publish(publisher: &Bus, handled: &Tally, amount: u64) {
    let publisher = publisher.clone();
    many(amount, move |number| {
        let publisher = publisher.clone();
        async move { publisher.publish(Counted { number }).timeout(GUARD).await.unwrap() }
    })
    .await;
    while handled.total() < amount {
        let before = handled.total();
        eventually("another event was handled", || handled.total() > before).await;
    }
}

/// Works on each number, on so many at a time.
async fn many<F>(amount: u64, work: impl Fn(u64) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (next, work) = (next.clone(), work.clone());
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= amount {
                    return;
                }
                work(number).await;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
}
