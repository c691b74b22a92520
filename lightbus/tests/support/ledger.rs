//! What was called, run, published and handled, by number; and whether it adds up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use lightbus::prelude::*;

use crate::broker::eventually;
use crate::load::Book;

/// How many calls failed: how, and whether they may repeat.
pub type Failures = BTreeMap<(String, &'static str), usize>;

#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    calls: BTreeMap<u64, Entry>,
    /// The events that were handed to the bus, and whether it said that the broker has them.
    events: BTreeMap<u64, Option<bool>>,
    /// How often each subscription has handled each event.
    handled: BTreeMap<&'static str, BTreeMap<u64, u32>>,
}

#[derive(Debug, Default)]
struct Entry {
    may_repeat: bool,
    runs: u32,
    end: Option<End>,
    /// How much later than its deadline it ended.
    late: Duration,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Answered,
    /// It failed, and its error says that the method may have run.
    Unknown(String),
    /// It failed, and its error says that the method has not run.
    NotRun(String),
}

impl Ledger {
    pub fn calls(&self, number: u64, may_repeat: bool) {
        self.entries().calls.insert(number, Entry { may_repeat, ..Entry::default() });
    }

    /// Enters how a call ended.
    pub fn ended(&self, number: u64, result: &Result<u64, CallError>, took: Duration, timeout: Duration) {
        let end = match result {
            Ok(answer) => {
                assert_eq!(*answer, number, "a call got another one's answer");
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

    pub fn publishes(&self, number: u64) {
        self.entries().events.insert(number, None);
    }

    pub fn published(&self, number: u64, confirmed: bool) {
        self.entries().events.insert(number, Some(confirmed));
    }

    /// Whether a call has begun to run.
    pub fn has_run(&self, number: u64) -> bool {
        self.entries().calls.get(&number).is_some_and(|call| call.runs > 0)
    }

    /// How many calls were answered.
    pub fn answered(&self) -> usize {
        self.entries().calls.values().filter(|call| call.end == Some(End::Answered)).count()
    }

    /// How many events the bus could not publish for certain.
    pub fn unconfirmed(&self) -> usize {
        self.entries().events.values().filter(|confirmed| **confirmed == Some(false)).count()
    }

    /// Takes all that was published so far as handled by a subscription.
    pub fn excuse(&self, subscription: &'static str) {
        let mut entries = self.entries();
        let so_far: Vec<_> = entries.events.keys().copied().collect();
        let handled = entries.handled.entry(subscription).or_default();
        for number in so_far {
            handled.entry(number).or_insert(1);
        }
    }

    /// Waits until every event that was confirmed is handled by these subscriptions.
    pub async fn all_handled(&self, subscriptions: &[&'static str]) {
        eventually("every confirmed event was handled", || {
            subscriptions.iter().all(|subscription| self.missing(subscription).is_empty())
        })
        .await;
    }

    /// Sees that everything adds up, once all events are handled. Returns the calls that failed: how, and whether they may
    /// repeat.
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
            "{title}: {} calls, {} answered, failed {failures:?}, {} runs too many of methods that may repeat, none later \
             than its deadline by more than {:?}; {} events, {confirmed} confirmed, all of them handled by {} subscriptions, \
             {repeats} repeats",
            entries.calls.len(),
            entries.calls.values().filter(|call| call.end == Some(End::Answered)).count(),
            entries.calls.values().map(|call| call.runs.saturating_sub(1)).sum::<u32>(),
            entries.calls.values().map(|call| call.late).max().unwrap_or_default(),
            entries.events.len(),
            subscriptions.len(),
        );
        failures
    }

    /// The confirmed events that a subscription has not handled.
    fn missing(&self, subscription: &str) -> Vec<u64> {
        let entries = self.entries();
        let handled = entries.handled.get(subscription);
        let confirmed = entries.events.iter().filter(|(_, confirmed)| **confirmed == Some(true));
        let missing = confirmed.filter(|(number, _)| !handled.is_some_and(|handled| handled.contains_key(number)));
        missing.map(|(number, _)| *number).collect()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        // A failed assertion in one task is not to hide behind a poisoned lock in another.
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Book for Ledger {
    fn runs(&self, number: u64) {
        self.entries().calls.entry(number).or_default().runs += 1;
    }

    fn handles(&self, subscription: &'static str, number: u64) {
        *self.entries().handled.entry(subscription).or_default().entry(number).or_default() += 1;
    }
}

fn variant(error: &CallError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    /// A ledger with one call that was answered.
    fn ledger(may_repeat: bool) -> Ledger {
        let ledger = Ledger::default();
        ledger.calls(1, may_repeat);
        ledger.runs(1);
        ledger.ended(1, &Ok(1), TIMEOUT, TIMEOUT);
        ledger
    }

    #[tokio::test]
    async fn what_adds_up_balances() {
        let ledger = ledger(true);
        ledger.runs(1);
        ledger.publishes(2);
        ledger.published(2, true);
        ledger.handles("audit", 2);
        assert!(ledger.balance("a test of the ledger", &["audit"]).await.is_empty());
    }

    #[tokio::test]
    #[should_panic(expected = "ran 2 times")]
    async fn a_call_that_ran_twice_is_found() {
        let ledger = ledger(false);
        ledger.runs(1);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[tokio::test]
    #[should_panic(expected = "never ended")]
    async fn a_call_that_never_ended_is_found() {
        let ledger = ledger(false);
        ledger.calls(2, false);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[tokio::test]
    #[should_panic(expected = "and it ran")]
    async fn a_call_that_ran_though_it_said_otherwise_is_found() {
        let ledger = ledger(false);
        ledger.calls(2, false);
        ledger.runs(2);
        let error = CallError::Closed { method: "a.method".to_owned() };
        ledger.ended(2, &Err(error), TIMEOUT, TIMEOUT);
        ledger.balance("a test of the ledger", &[]).await;
    }

    #[test]
    fn an_event_that_is_missing_is_found() {
        let ledger = Ledger::default();
        for (number, confirmed) in [(1, true), (2, true), (3, false)] {
            ledger.publishes(number);
            ledger.published(number, confirmed);
        }
        ledger.handles("audit", 1);
        assert_eq!(ledger.missing("audit"), [2]);
    }
}
