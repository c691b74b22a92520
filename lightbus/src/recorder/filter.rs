//! Which records somebody wants.

use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Entry;
use crate::stats::epoch;

/// The most records that one answer holds, so that it stays below the limit of answers.
const MOST: u32 = 100;

/// Which records of messages are wanted. Without any condition, the latest ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct RecentFilter {
    /// Only the messages with these ids, and those that were sent while these were handled. Empty for all.
    pub ids: Vec<String>,
    /// Only those that failed.
    pub failures: bool,
    /// Only those that started at that time or later.
    #[serde(rename = "since_ms", with = "epoch::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub since: Option<SystemTime>,
    /// At most so many, the latest. 0 for as many as an answer may hold, which is 100.
    pub limit: u32,
}

impl RecentFilter {
    /// Everything, as far as an answer may hold it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes only the messages with these ids, and those that were sent while they were handled.
    #[must_use]
    pub fn ids<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.ids = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Takes only those that failed.
    #[must_use]
    pub fn failures(mut self) -> Self {
        self.failures = true;
        self
    }

    /// Takes only those that started at that time or later.
    #[must_use]
    pub fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Takes at most so many, the latest.
    #[must_use]
    pub fn limit(mut self, records: u32) -> Self {
        self.limit = records;
        self
    }

    pub(super) fn most(&self) -> usize {
        let limit = if self.limit == 0 { MOST } else { self.limit.min(MOST) };
        limit as usize
    }

    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let is = |id: &str| self.ids.iter().any(|wanted| wanted == id);
        let wanted = self.ids.is_empty() || is(&entry.id) || entry.cause.as_ref().is_some_and(|cause| is(&cause.id));
        wanted
            && (!self.failures || !entry.outcome.is_success())
            && self.since.is_none_or(|since| epoch::wall_clock(entry.started) >= since)
    }
}
