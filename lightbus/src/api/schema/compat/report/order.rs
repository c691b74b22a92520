//! In which order applications can be deployed.

use std::fmt;

use serde::Serialize;

use super::difference::Difference;
use super::verdict::Verdict;

/// In which order the applications of an API can be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Order {
    /// Whether nothing fails if the server is deployed before its callers.
    pub server_first: bool,
    /// Whether nothing fails if callers are deployed before the server.
    pub caller_first: bool,
    /// Whether nothing fails if the publisher is deployed before its subscribers.
    pub publisher_first: bool,
    /// Whether nothing fails if subscribers are deployed before the publisher.
    pub subscriber_first: bool,
    /// Whether processes of the new version understand each other.
    pub among_new: bool,
}

impl Order {
    pub(super) fn of(differences: &[Difference]) -> Self {
        let safe = |side: fn(&Difference) -> &Option<Verdict>| {
            !differences.iter().any(|difference| side(difference).as_ref().is_some_and(Verdict::is_breaking))
        };
        Self {
            server_first: safe(|difference| &difference.server_first),
            caller_first: safe(|difference| &difference.caller_first),
            publisher_first: safe(|difference| &difference.publisher_first),
            subscriber_first: safe(|difference| &difference.subscriber_first),
            among_new: safe(|difference| &difference.among_new),
        }
    }

    /// Whether there is an order in which no message fails.
    #[must_use]
    pub const fn is_safe(self) -> bool {
        self.among_new && (self.server_first || self.caller_first) && (self.publisher_first || self.subscriber_first)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.among_new {
            return f.write_str("do not deploy it: processes of the new version do not understand each other");
        }
        let advice = |first: bool, second: bool, one: &'static str, other: &'static str, none: &'static str| match (
            first, second,
        ) {
            (true, true) => None,
            (true, false) => Some(one),
            (false, true) => Some(other),
            (false, false) => Some(none),
        };
        let calls = advice(
            self.server_first,
            self.caller_first,
            "deploy the server before its callers",
            "deploy every caller before the server",
            "no order is safe for calls: add the new form beside the old one, move the callers, then remove the old one",
        );
        let events = advice(
            self.publisher_first,
            self.subscriber_first,
            "deploy the publisher before its subscribers, once no old event waits any more",
            "deploy every subscriber before the publisher",
            "no order is safe for events: add the new form beside the old one, move the subscribers, then remove the old one",
        );
        match (calls, events) {
            (None, None) => f.write_str("deploy in any order"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (Some(calls), Some(events)) => write!(f, "{calls}; {events}"),
        }
    }
}
