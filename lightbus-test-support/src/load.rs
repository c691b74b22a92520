//! A steady load of calls and events, and the API and subscriptions that take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lightbus::prelude::*;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::ledger::{Ledger, Observer};
use crate::wait::{GUARD, eventually, guarded};

/// The interval between two calls, and between two events.
const PACE: Duration = Duration::from_millis(10);

/// The timeout of each call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// By how much a call may miss its deadline. A call that has passed it takes up to half a second to find out whether a
/// server was running.
const LATEST: Duration = Duration::from_secs(1);

/// The names of the subscriptions.
pub const SUBSCRIPTIONS: [&str; 2] = ["first", "second"];

/// The API that the load uses.
#[lightbus::api(name = "faults.counter")]
pub trait Counter {
    /// Enters its run. It must never run twice.
    async fn once(&self, number: u64) -> u64;
    /// Enters its run. It may run again.
    #[rpc(idempotent)]
    async fn again(&self, number: u64) -> u64;
    /// Ends once the gate opens.
    async fn hold(&self, number: u64) -> u64;
    /// Counts the bytes, which may be many.
    async fn count(&self, words: &str) -> usize;
    /// Something happened.
    #[event]
    fn happened(number: u64);
    /// Something happened that takes many words to tell.
    #[event]
    fn happened_at_length(number: u64, words: String);
}

/// Serves [`Counter`].
#[derive(Debug)]
pub struct Desk<O> {
    observer: Arc<O>,
    gate: watch::Receiver<bool>,
    /// How long each method takes.
    work: Duration,
}

impl<O: Observer> Counter for Desk<O> {
    async fn once(&self, number: u64) -> u64 {
        self.observer.ran(number);
        sleep(self.work).await;
        number
    }

    async fn again(&self, number: u64) -> u64 {
        self.observer.ran(number);
        sleep(self.work).await;
        number
    }

    async fn hold(&self, number: u64) -> u64 {
        self.observer.ran(number);
        let _ = self.gate.clone().wait_for(|open| *open).await;
        number
    }

    async fn count(&self, words: &str) -> usize {
        words.len()
    }
}

/// Serves [`Counter`], and returns the gate that `hold` waits for.
pub async fn serve(bus: &Bus, observer: &Arc<impl Observer>) -> watch::Sender<bool> {
    serve_at_length(bus, observer, Duration::ZERO).await
}

/// Serves methods that take this long.
pub async fn serve_at_length(bus: &Bus, observer: &Arc<impl Observer>, work: Duration) -> watch::Sender<bool> {
    let (open, gate) = watch::channel(false);
    bus.serve(CounterServer::new(Desk { observer: observer.clone(), gate, work })).await.unwrap();
    open
}

/// Subscribes to [`Happened`] under every name.
pub async fn subscribe(bus: &Bus, observer: &Arc<impl Observer>) {
    subscribe_at_length(bus, observer, Duration::ZERO).await;
}

/// Subscribes with handlers that take this long.
pub async fn subscribe_at_length(bus: &Bus, observer: &Arc<impl Observer>, work: Duration) {
    for name in SUBSCRIPTIONS {
        let observer = observer.clone();
        bus.subscribe(name, move |event: Happened| {
            let observer = observer.clone();
            async move {
                sleep(work).await;
                observer.handled(name, event.number);
            }
        })
        .await
        .unwrap();
    }
}

/// Waits until every process is healthy.
pub async fn healthy(buses: &[&Bus]) {
    eventually("every process is healthy", || buses.iter().all(|bus| bus.health().is_healthy())).await;
}

/// Calls and publishes until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    ledger: Arc<Ledger>,
}

impl Load {
    /// Starts to call and to publish.
    pub fn start(caller: &Bus, publisher: &Bus, ledger: &Arc<Ledger>) -> Self {
        let (stop, stopped) = watch::channel(false);
        publisher.own_api::<CounterApi>();
        let (client, publisher) = (CounterClient::new(caller), publisher.clone());
        let task = tokio::spawn(run(client, publisher, ledger.clone(), stopped));
        Self { stop, task, ledger: ledger.clone() }
    }

    /// Waits for this many more answers.
    pub async fn wait_for_answers(&self, answers: usize) {
        let before = self.ledger.answered();
        eventually("calls were answered", || self.task.is_finished() || self.ledger.answered() >= before + answers)
            .await;
    }

    /// Stops, and waits for every call and event that is under way.
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

/// Returns a number that no other call or event has.
pub fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn call(client: CounterClient, number: u64, ledger: Arc<Ledger>) {
    let may_repeat = number.is_multiple_of(3);
    ledger.call_started(number, may_repeat);
    let begun = Instant::now();
    let call = if may_repeat { client.again(number) } else { client.once(number) };
    let too_late = async {
        // Both sleeps run in the task of the call: if the machine is too busy to wake the task, they are late too.
        sleep(CALL_TIMEOUT).await;
        sleep(LATEST).await;
    };
    let result = tokio::select! {
        biased;
        result = call.timeout(CALL_TIMEOUT).into_future() => result,
        () = too_late => panic!("call {number} missed its deadline by more than {LATEST:?}"),
    };
    ledger.call_ended(number, &result, begun.elapsed(), CALL_TIMEOUT);
}

/// Publishes an event, and enters whether the bus confirmed it.
pub async fn publish(publisher: Bus, number: u64, ledger: Arc<Ledger>) {
    ledger.publish_started(number);
    let result = publisher.publish(Happened { number }).timeout(GUARD / 2).await;
    ledger.publish_ended(number, result.is_ok());
    if let Err(error) = result {
        println!("{error}");
    }
}
