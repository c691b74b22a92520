//! A steady load of calls and events, and the processes that take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lightbus::prelude::*;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::broker::{GUARD, eventually, guarded};
use crate::ledger::Ledger;

/// The load is steady, so it has a pace: so often a call is made and an event published.
const PACE: Duration = Duration::from_millis(10);

/// How long each call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// How much later than its deadline a call has ended at the latest. One that has passed it takes up to half a second to
/// find out whether anybody was serving.
const LATEST: Duration = Duration::from_secs(1);

/// Under which names the events are subscribed to.
pub const SUBSCRIPTIONS: [&str; 2] = ["first", "second"];

/// How often a test does what it does: more often when it is to soak.
pub fn rounds(quick: u32) -> u32 {
    if std::env::var_os("LIGHTBUS_TEST_SOAK").is_some() { quick * 5 } else { quick }
}

/// What is called, and what happens.
#[lightbus::api(name = "faults.counter")]
pub trait Counter {
    /// Counts its run. Never to be run twice.
    async fn once(&self, number: u64) -> u64;
    /// Counts its run. May be run again.
    #[rpc(idempotent)]
    async fn again(&self, number: u64) -> u64;
    /// Ends when it is let go.
    async fn hold(&self, number: u64) -> u64;
    /// Counts the bytes. It may take many of them.
    async fn count(&self, words: &str) -> usize;
    /// Something happened.
    #[event]
    fn happened(number: u64);
    /// Something happened that takes many words.
    #[event]
    fn happened_at_length(number: u64, words: String);
}

/// Where it is entered that a method or a handler has begun.
pub trait Book: Send + Sync + 'static {
    fn runs(&self, number: u64);
    fn handles(&self, subscription: &'static str, number: u64);
}

pub struct Desk<B> {
    book: Arc<B>,
    gate: watch::Receiver<bool>,
    /// How long each method takes.
    work: Duration,
}

impl<B: Book> Counter for Desk<B> {
    async fn once(&self, number: u64) -> u64 {
        self.book.runs(number);
        sleep(self.work).await;
        number
    }

    async fn again(&self, number: u64) -> u64 {
        self.book.runs(number);
        sleep(self.work).await;
        number
    }

    async fn hold(&self, number: u64) -> u64 {
        self.book.runs(number);
        let _ = self.gate.clone().wait_for(|open| *open).await;
        number
    }

    async fn count(&self, words: &str) -> usize {
        words.len()
    }
}

/// Serves, and returns what lets every `hold` go.
pub async fn serve(bus: &Bus, book: &Arc<impl Book>) -> watch::Sender<bool> {
    serve_at_length(bus, book, Duration::ZERO).await
}

/// Serves methods that take so long.
pub async fn serve_at_length(bus: &Bus, book: &Arc<impl Book>, work: Duration) -> watch::Sender<bool> {
    let (open, gate) = watch::channel(false);
    bus.serve(CounterServer::new(Desk { book: book.clone(), gate, work })).await.unwrap();
    open
}

/// Enters each event under every name.
pub async fn subscribe(bus: &Bus, book: &Arc<impl Book>) {
    subscribe_at_length(bus, book, Duration::ZERO).await;
}

/// Subscribes with handlers that take so long.
pub async fn subscribe_at_length(bus: &Bus, book: &Arc<impl Book>, work: Duration) {
    for name in SUBSCRIPTIONS {
        let book = book.clone();
        bus.subscribe(name, move |event: Happened| {
            let book = book.clone();
            async move {
                sleep(work).await;
                book.handles(name, event.number);
            }
        })
        .await
        .unwrap();
    }
}

/// Waits until every process is healthy again, without help.
pub async fn healthy(buses: &[&Bus]) {
    eventually("every process is healthy", || buses.iter().all(|bus| bus.health().is_healthy())).await;
}

/// Calls and publishes without end.
pub struct Load {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    ledger: Arc<Ledger>,
}

impl Load {
    pub fn start(caller: &Bus, publisher: &Bus, ledger: &Arc<Ledger>) -> Self {
        let (stop, stopped) = watch::channel(false);
        publisher.own_api::<CounterApi>();
        let (client, publisher) = (CounterClient::new(caller), publisher.clone());
        let task = tokio::spawn(run(client, publisher, ledger.clone(), stopped));
        Self { stop, task, ledger: ledger.clone() }
    }

    /// Waits until so many more calls were answered.
    pub async fn goes_well(&self, answers: usize) {
        let before = self.ledger.answered();
        eventually("calls were answered", || self.task.is_finished() || self.ledger.answered() >= before + answers)
            .await;
    }

    /// Ends it, and waits for every call and every event that is under way.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        guarded(self.task).await.unwrap();
    }
}

async fn run(client: CounterClient, publisher: Bus, ledger: Arc<Ledger>, stopped: watch::Receiver<bool>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tasks = JoinSet::new();
    while !*stopped.borrow() {
        pace.tick().await;
        tasks.spawn(call(client.clone(), next_number(), ledger.clone()));
        tasks.spawn(publish(publisher.clone(), next_number(), ledger.clone()));
        while let Some(ended) = tasks.try_join_next() {
            ended.unwrap();
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// A number that nothing else has.
pub fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn call(client: CounterClient, number: u64, ledger: Arc<Ledger>) {
    let may_repeat = number.is_multiple_of(3);
    ledger.calls(number, may_repeat);
    let begun = Instant::now();
    let call = if may_repeat { client.again(number) } else { client.once(number) };
    let too_late = async {
        // One after the other, in the same task as the call: if the machine is too busy to wake it in time, this is as late.
        sleep(CALL_TIMEOUT).await;
        sleep(LATEST).await;
    };
    let result = tokio::select! {
        biased;
        result = call.timeout(CALL_TIMEOUT).into_future() => result,
        () = too_late => panic!("call {number} outlives its deadline by {LATEST:?}"),
    };
    ledger.ended(number, &result, begun.elapsed(), CALL_TIMEOUT);
}

/// Publishes an event, and enters whether the bus says that the broker has it.
pub async fn publish(publisher: Bus, number: u64, ledger: Arc<Ledger>) {
    ledger.publishes(number);
    let result = publisher.publish(Happened { number }).timeout(GUARD / 2).await;
    ledger.published(number, result.is_ok());
    if let Err(error) = result {
        println!("{error}");
    }
}
