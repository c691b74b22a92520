//! Statistics at one moment.

use std::collections::BTreeMap;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Histogram, Outcome, epoch};

/// The statistics of a process at one moment, or of several processes together. Returned by
/// [`Bus::stats`](crate::Bus::stats).
///
/// Methods and events have their full names, such as `company.warranty.check`, and subscriptions the names that their service
/// gave them. Only those that were used are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Stats {
    /// When counting began: when the process connected.
    #[serde(rename = "since_ms", with = "epoch")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// The calls that this process served, by method. `{api}.*` counts calls of methods that the API does not have.
    #[serde(default)]
    pub served: BTreeMap<String, MessageStats>,
    /// The calls that this process made, by method.
    #[serde(default)]
    pub called: BTreeMap<String, MessageStats>,
    /// The events that this process handled, by subscription. Each attempt counts.
    #[serde(default)]
    pub handled: BTreeMap<String, MessageStats>,
    /// The events that this process published, by event.
    #[serde(default)]
    pub published: BTreeMap<String, MessageStats>,
}

/// The statistics of one method, one event or one subscription, in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct MessageStats {
    /// How many messages ended in each way. Outcomes that never happened are missing.
    #[serde(deserialize_with = "counts")]
    #[schemars(with = "BTreeMap<String, u64>")]
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many are under way now: calls that wait for their replies, handlers that run.
    pub in_flight: u64,
    /// How many wait in this process for a handler that is free.
    pub waiting: u64,
    /// How long messages waited in this process for a handler that was free. Empty for what the process sent.
    pub waited: Histogram,
    /// How long it took: the handler; or, for what the process sent, from sending to the reply or to the broker's confirm.
    pub lasted: Histogram,
    /// When the last one succeeded.
    #[serde(with = "epoch::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub last_success: Option<SystemTime>,
    /// The last one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<LastFailure>,
}

/// The last failure of a method, an event or a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LastFailure {
    /// When it failed.
    #[serde(with = "epoch")]
    #[schemars(with = "u64")]
    pub at: SystemTime,
    /// The id of the call or the event.
    pub message_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The beginning of the error, if there is a text for it. The method's own errors have none here, because they may hold
    /// data.
    #[serde(default)]
    pub error: String,
}

impl Default for Stats {
    fn default() -> Self {
        Self::empty(SystemTime::UNIX_EPOCH)
    }
}

impl Stats {
    pub(crate) fn empty(since: SystemTime) -> Self {
        Self {
            since,
            served: BTreeMap::new(),
            called: BTreeMap::new(),
            handled: BTreeMap::new(),
            published: BTreeMap::new(),
        }
    }

    /// Adds the statistics of another process. Subscriptions with the same name add up, so merge the processes of one
    /// service if services use the same names.
    pub fn merge(&mut self, other: &Self) {
        self.since = self.since.min(other.since);
        for (own, others) in [
            (&mut self.served, &other.served),
            (&mut self.called, &other.called),
            (&mut self.handled, &other.handled),
            (&mut self.published, &other.published),
        ] {
            for (name, stats) in others {
                own.entry(name.clone()).or_default().merge(stats);
            }
        }
    }
}

impl MessageStats {
    /// How many messages ended.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.outcomes.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How many messages ended in this way.
    #[must_use]
    pub fn count_of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// How many messages failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        let failures = self.outcomes.iter().filter(|(outcome, _)| !outcome.is_success());
        failures.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Adds the statistics of the same method, event or subscription in another process.
    pub fn merge(&mut self, other: &Self) {
        for (outcome, count) in &other.outcomes {
            add(&mut self.outcomes, *outcome, *count);
        }
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.waited.merge(&other.waited);
        self.lasted.merge(&other.lasted);
        self.last_success = self.last_success.max(other.last_success);
        if other.last_failure.as_ref().map(|failure| failure.at) > self.last_failure.as_ref().map(|failure| failure.at)
        {
            self.last_failure.clone_from(&other.last_failure);
        }
    }
}

fn add(outcomes: &mut BTreeMap<Outcome, u64>, outcome: Outcome, count: u64) {
    let sum = outcomes.entry(outcome).or_default();
    *sum = sum.saturating_add(count);
}

/// Several outcomes of a newer version may be unknown to this one.
fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Outcome, u64>, D::Error> {
    let mut outcomes = BTreeMap::new();
    for (word, count) in BTreeMap::<String, u64>::deserialize(deserializer)? {
        add(&mut outcomes, Outcome::from(std::borrow::Cow::Owned(word)), count);
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smol_str::SmolStr;
    use tokio::time::Instant;

    use super::super::Counters;
    use super::*;

    fn counted(outcomes: &[Outcome]) -> MessageStats {
        let (counters, now) = (Counters::of_received(), Instant::now());
        for outcome in outcomes {
            counters.arrive();
            counters.start_after(Duration::from_millis(1));
            counters.end(now, now + Duration::from_millis(3), *outcome);
            if !outcome.is_success() {
                counters.fail(now, SmolStr::new(outcome.as_str()), *outcome, "full".into());
            }
        }
        counters.arrive();
        counters.snapshot()
    }

    #[test]
    fn counters_add_up() {
        let stats = counted(&[Outcome::Ok, Outcome::Failed, Outcome::Ok, Outcome::Repeat]);
        assert_eq!((stats.count(), stats.failures(), stats.count_of(Outcome::Ok)), (4, 1, 2));
        assert_eq!((stats.in_flight, stats.waiting), (0, 1));
        assert_eq!((stats.waited.count(), stats.lasted.count()), (4, 4));
        assert!(stats.last_success.is_some());
        let failure = stats.last_failure.unwrap();
        assert_eq!((failure.outcome, &*failure.message_id, &*failure.error), (Outcome::Failed, "failed", "full"));
    }

    #[test]
    fn merging_adds_and_keeps_the_latest() {
        let (mut merged, other) = (counted(&[Outcome::Ok, Outcome::Failed]), counted(&[Outcome::Rejected]));
        merged.merge(&other);
        assert_eq!((merged.count(), merged.failures(), merged.waiting), (3, 2, 2));
        assert_eq!(merged.lasted.count(), 3);
        let now = SystemTime::now();
        let (mut all, mut one) = (Stats::empty(now), Stats::empty(now - Duration::from_secs(1)));
        one.served.insert("company.warranty.check".into(), other);
        all.merge(&one);
        all.merge(&one);
        assert_eq!((all.since, all.served["company.warranty.check"].count()), (one.since, 2));
    }

    #[test]
    fn stats_survive_json_and_unknown_words() {
        let mut stats = Stats::empty(SystemTime::UNIX_EPOCH + Duration::from_millis(7));
        stats.handled.insert("audit".into(), counted(&[Outcome::Ok]));
        let text = serde_json::to_string(&stats).unwrap();
        let mut read: Stats = serde_json::from_str(&text).unwrap();
        // Only milliseconds are written.
        for stats in [&mut stats, &mut read] {
            stats.handled.get_mut("audit").unwrap().last_success = None;
        }
        assert_eq!(read, stats);
        let text =
            r#"{"since_ms":18446744073709551615,"served":{"a.b":{"outcomes":{"melted":2,"burnt":3,"ok":1},"new":[]}}}"#;
        let read: Stats = serde_json::from_str(text).unwrap();
        assert_eq!((read.served["a.b"].count_of(Outcome::Unknown), read.served["a.b"].count()), (5, 6));
    }
}
