//! An account of calls and events by number, which has to balance at the end of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use lightbus::prelude::*;

use crate::wait::eventually;

/// How many calls failed, by kind of failure and by whether the method is idempotent (`"may repeat"` or `"once"`).
pub type Failures = BTreeMap<(String, &'static str), usize>;

/// Hears of the methods and handlers that run.
pub trait Observer: Send + Sync + 'static {
    /// The method of call `number` has started.
    fn ran(&self, number: u64);
    /// A handler of `subscription` has handled event `number`.
    fn handled(&self, subscription: &'static str, number: u64);
}

/// What became of each call and each event.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    calls: BTreeMap<u64, Entry>,
    /// The events that were published, and whether the bus confirmed them.
    events: BTreeMap<u64, Option<bool>>,
    /// How often each subscription has handled each event.
    handled: BTreeMap<&'static str, BTreeMap<u64, u32>>,
}

#[derive(Debug, Default)]
struct Entry {
    may_repeat: bool,
    runs: u32,
    end: Option<End>,
    /// By how much it missed its deadline.
    late: Duration,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It returned the method's answer.
    Answered,
    /// It failed, and the error says that the method may have run.
    Unknown(String),
    /// It failed, and the error says that the method has not run.
    NotRun(String),
}

impl Ledger {
    /// Enters a call before it is made.
    pub fn call_started(&self, number: u64, may_repeat: bool) {
        self.entries().calls.insert(number, Entry { may_repeat, ..Entry::default() });
    }

    /// Enters how a call ended.
    pub fn call_ended(&self, number: u64, result: &Result<u64, CallError>, took: Duration, timeout: Duration) {
        let end = match result {
            Ok(answer) => {
                assert_eq!(*answer, number, "a call got the answer of another call");
                End::Answered
            }
            Err(error) if error.may_have_run() => End::Unknown(variant(error)),
            Err(error) => End::NotRun(variant(error)),
        };
        let before = {
            let mut entries = self.entries();
            let call = entries.calls.get_mut(&number).unwrap();
            call.late = took.saturating_sub(timeout);
            call.end.replace(end)
        };
        assert_eq!(before, None, "call {number} ended twice");
    }

    /// Enters an event before it is published.
    pub fn publish_started(&self, number: u64) {
        self.entries().events.insert(number, None);
    }

    /// Enters whether the bus confirmed an event.
    pub fn publish_ended(&self, number: u64, confirmed: bool) {
        self.entries().events.insert(number, Some(confirmed));
    }

    /// Whether the method of a call has started.
    pub fn has_run(&self, number: u64) -> bool {
        self.entries().calls.get(&number).is_some_and(|call| call.runs > 0)
    }

    /// Returns how many calls were answered.
    pub fn answered(&self) -> usize {
        self.entries().calls.values().filter(|call| call.end == Some(End::Answered)).count()
    }

    /// Returns how many events the bus did not confirm.
    pub fn unconfirmed(&self) -> usize {
        self.entries().events.values().filter(|confirmed| **confirmed == Some(false)).count()
    }

    /// Counts every event that was published so far as handled by `subscription`.
    pub fn excuse(&self, subscription: &'static str) {
        let mut entries = self.entries();
        let so_far: Vec<_> = entries.events.keys().copied().collect();
        let handled = entries.handled.entry(subscription).or_default();
        for number in so_far {
            handled.entry(number).or_insert(1);
        }
    }

    /// Waits until each of these subscriptions has handled every confirmed event.
    pub async fn all_handled(&self, subscriptions: &[&'static str]) {
        eventually("every confirmed event was handled", || {
            subscriptions.iter().all(|subscription| self.missing(subscription).is_empty())
        })
        .await;
    }

    /// Waits until all events are handled, checks that everything adds up, and returns the calls that failed.
    pub async fn balance(&self, title: &str, subscriptions: &[&'static str]) -> Failures {
        self.all_handled(subscriptions).await;
        let entries = self.entries();
        let mut failures = Failures::new();
        for (number, call) in &entries.calls {
            let runs = call.runs;
            assert!(call.may_repeat || runs <= 1, "call {number} ran {runs} times: {call:?}");
            let kind = match call.end.as_ref().unwrap_or_else(|| panic!("call {number} never ended")) {
                End::Answered => {
                    assert!(runs >= 1, "call {number} was answered and did not run");
                    continue;
                }
                End::NotRun(kind) => {
                    assert_eq!(runs, 0, "call {number} ended as {kind}, and it ran");
                    kind
                }
                End::Unknown(kind) => kind,
            };
            let may_repeat = if call.may_repeat { "may repeat" } else { "once" };
            *failures.entry((kind.clone(), may_repeat)).or_default() += 1;
        }
        assert!(entries.events.values().all(Option::is_some), "an event was published without a result");
        let unknown: BTreeSet<_> = entries.handled.values().flat_map(BTreeMap::keys).collect();
        assert!(unknown.iter().all(|number| entries.events.contains_key(number)), "an event came from nowhere");

        let confirmed = entries.events.values().filter(|confirmed| **confirmed == Some(true)).count();
        let repeats: u32 = entries.handled.values().flat_map(BTreeMap::values).map(|times| times - 1).sum();
        println!(
            "{title}: {} calls, {} answered, failed {failures:?}, {} extra runs of idempotent methods, none more than {:?} \
             past its deadline; {} events, {confirmed} confirmed, all of them handled by {} subscriptions, {repeats} \
             repeats",
            entries.calls.len(),
            entries.calls.values().filter(|call| call.end == Some(End::Answered)).count(),
            entries.calls.values().map(|call| call.runs.saturating_sub(1)).sum::<u32>(),
            entries.calls.values().map(|call| call.late).max().unwrap_or_default(),
            entries.events.len(),
            subscriptions.len(),
        );
        failures
    }

    /// Returns the confirmed events that `subscription` has not handled.
    fn missing(&self, subscription: &str) -> Vec<u64> {
        let entries = self.entries();
        let handled = entries.handled.get(subscription);
        let confirmed = entries.events.iter().filter(|(_, confirmed)| **confirmed == Some(true));
        let missing = confirmed.filter(|(number, _)| !handled.is_some_and(|handled| handled.contains_key(number)));
        missing.map(|(number, _)| *number).collect()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        // A failed assertion in one task must not hide behind a poisoned lock in another.
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Observer for Ledger {
    fn ran(&self, number: u64) {
        self.entries().calls.entry(number).or_default().runs += 1;
    }

    fn handled(&self, subscription: &'static str, number: u64) {
        *self.entries().handled.entry(subscription).or_default().entry(number).or_default() += 1;
    }
}

fn variant(error: &CallError) -> String {
    let name = match error {
        CallError::Method { .. } => "Method",
        CallError::NoServer { .. } => "NoServer",
        CallError::UnknownMethod { .. } => "UnknownMethod",
        CallError::InvalidArguments { .. } => "InvalidArguments",
        CallError::HandlerPanicked { .. } => "HandlerPanicked",
        CallError::DeadlineExceeded { .. } => "DeadlineExceeded",
        CallError::ShuttingDown { .. } => "ShuttingDown",
        CallError::OutcomeUnknown { .. } => "OutcomeUnknown",
        CallError::NotConnected { .. } => "NotConnected",
        CallError::Closed { .. } => "Closed",
        _ => return error.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    /// Creates a ledger with one answered call.
    fn ledger(may_repeat: bool) -> Ledger {
        let ledger = Ledger::default();
        ledger.call_started(1, may_repeat);
        ledger.ran(1);
        ledger.call_ended(1, &Ok(1), TIMEOUT, TIMEOUT);
        ledger
    }

    #[tokio::test]
    async fn a_correct_ledger_balances() {
        let ledger = ledger(true);
        ledger.ran(1);
        ledger.publish_started(2);
        ledger.publish_ended(2, true);
        ledger.handled("audit", 2);
        assert!(ledger.balance("a test of the ledger", &["audit"]).await.is_empty());
    }

    #[tokio::test]
    #[should_panic(expected = "ran 2 times")]
    async fn a_call_that_ran_twice_is_found() {
        let ledger = ledger(false);
        ledger.ran(1);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[tokio::test]
    #[should_panic(expected = "never ended")]
    async fn a_call_that_never_ended_is_found() {
        let ledger = ledger(false);
        ledger.call_started(2, false);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[tokio::test]
    #[should_panic(expected = "and it ran")]
    async fn a_call_that_ran_although_its_error_denies_it_is_found() {
        let ledger = ledger(false);
        ledger.call_started(2, false);
        ledger.ran(2);
        let error = CallError::Closed { method: "a.method".to_owned() };
        ledger.call_ended(2, &Err(error), TIMEOUT, TIMEOUT);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[test]
    fn a_confirmed_event_that_nobody_handled_is_found() {
        let ledger = Ledger::default();
        for (number, confirmed) in [(1, true), (2, true), (3, false)] {
            ledger.publish_started(number);
            ledger.publish_ended(number, confirmed);
        }
        ledger.handled("audit", 1);
        assert_eq!(ledger.missing("audit"), [2]);
    }
}
