//! What does not go together, decided without asking anybody.

use std::collections::{BTreeSet, HashMap};

use crate::builtin::{Info, KnownApi, Ping, ServedApi, SubscriptionInfo};
use crate::protocol::message::split_full_name;
use crate::schema::{ApiSchema, Difference, Part, Verdict, compare};

/// How many processes are asked for details.
const MAX_CONCERNED: usize = 16;

/// How many of them may be of one service: its processes are mostly alike.
const MAX_OF_SERVICE: usize = 2;

/// How many differences a warning names.
const MAX_NAMED: usize = 3;

/// Two services that serve one API.
pub(super) fn served_twice(own: &Ping, others: &[Ping]) -> Vec<String> {
    let twice = |api: &String| {
        let other = others.iter().find(|other| other.service != own.service && other.serves.contains(api))?;
        let (service, process) = (&other.service, &other.process);
        Some(format!(
            "the service {service} serves {api} too ({process}), so each call goes to one or the other. Let one service serve \
             an API; developers who share a broker need a namespace each"
        ))
    };
    own.serves.iter().filter_map(twice).collect()
}

/// The processes that may not go together with this one.
pub(super) fn concerned<'a>(own: &Ping, subscribed: &BTreeSet<String>, others: &'a [Ping]) -> Vec<&'a Ping> {
    let mut of_service: HashMap<&str, usize> = HashMap::new();
    let common = |one: &[String], other: &[String]| one.iter().any(|name| other.contains(name));
    let concerns = |other: &&'a Ping| {
        let subscribes = other.service == own.service && common(&own.subscriptions, &other.subscriptions);
        let is_called = common(&own.calls, &other.serves) || other.serves.iter().any(|api| subscribed.contains(api));
        subscribes || is_called || common(&own.serves, &other.calls)
    };
    let few = |other: &&'a Ping| {
        let count = of_service.entry(&other.service).or_default();
        *count += 1;
        *count <= MAX_OF_SERVICE
    };
    others.iter().filter(concerns).filter(few).take(MAX_CONCERNED).collect()
}

/// Subscriptions of the same service and name to other events.
pub(super) fn subscribed_otherwise(own: &Info, process: &str, other: &Info) -> Vec<String> {
    if own.ping.service != other.ping.service {
        return Vec::new();
    }
    let otherwise = |ours: &SubscriptionInfo| {
        let theirs = other.subscriptions.iter().find(|theirs| theirs.name == ours.name)?;
        let SubscriptionInfo { name, pattern, .. } = ours;
        (theirs.pattern != *pattern).then(|| {
            format!(
                "another process of this service, {process}, subscribes to {} under the name {name:?}, and this one to {pattern}. \
                 The two share one queue, so events reach a process that does not want them. Give one of the two subscriptions \
                 another name, or stop the older process",
                theirs.pattern
            )
        })
    };
    own.subscriptions.iter().filter_map(otherwise).collect()
}

/// Who sends what to whom, by an API that the two know in different versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// This process calls the other.
    Calls,
    /// The other process calls this one.
    IsCalled,
    /// This process gets an event of the other.
    Subscribes,
}

/// Two versions of an API, by their hashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    direction: Direction,
    api: String,
    /// The event that is subscribed to.
    event: Option<String>,
    pub(super) own: String,
    pub(super) other: String,
}

/// The versions to compare.
pub(super) fn pairs(own: &Info, other: &Info) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut add = |direction, api: &str, event: Option<String>, own: &str, other: &str| {
        if own != other && !own.is_empty() && !other.is_empty() {
            let (api, own, other) = (api.to_owned(), own.to_owned(), other.to_owned());
            pairs.push(Pair { direction, api, event, own, other });
        }
    };
    for ServedApi { api, hash, .. } in &other.serves {
        for ours in own.calls.iter().filter(|ours| ours.api == *api) {
            add(Direction::Calls, api, None, &ours.hash, hash);
        }
        for subscription in &own.subscriptions {
            if let Some(ours) = subscription.api.as_ref().filter(|ours| ours.api == *api) {
                let event = split_full_name(&subscription.pattern).1.to_owned();
                add(Direction::Subscribes, api, Some(event), &ours.hash, hash);
            }
        }
    }
    for KnownApi { api, hash, .. } in &other.calls {
        for ours in own.serves.iter().filter(|ours| ours.api == *api) {
            add(Direction::IsCalled, api, None, &ours.hash, hash);
        }
    }
    pairs
}

impl Pair {
    /// What the versions do to each other, if something breaks.
    pub(super) fn conflict(&self, process: &str, own: &ApiSchema, other: &ApiSchema) -> Option<String> {
        let Self { direction, api, event, .. } = self;
        // Whoever receives is the new version: of calls the server, of events the subscriber.
        let (comparison, verdict): (_, fn(&Difference) -> &Option<Verdict>) = match direction {
            Direction::Calls => (compare(own, other), |difference| &difference.server_first),
            Direction::IsCalled => (compare(other, own), |difference| &difference.server_first),
            Direction::Subscribes => (compare(other, own), |difference| &difference.subscriber_first),
        };
        let breaks = |difference: &&Difference| {
            let concerns = match event {
                Some(event) => difference.member == *event && matches!(difference.part, Part::Fields | Part::Event),
                None => true,
            };
            concerns && verdict(difference).as_ref().is_some_and(Verdict::is_breaking)
        };
        let breaking: Vec<_> = comparison.differences.iter().filter(breaks).collect();
        let first = breaking.first()?;
        let named: Vec<_> = breaking.iter().take(MAX_NAMED).map(|difference| headline(difference)).collect();
        let more = match breaking.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let who = match direction {
            Direction::Calls => format!("{process} serves {api} in another version than this process calls"),
            Direction::IsCalled => format!("{process} calls {api} in another version than this process serves"),
            Direction::Subscribes => {
                format!("{process} publishes {api} in another version than this process subscribes to")
            }
        };
        Some(format!("{who}, and they break each other: {}{more}. {}", named.join("; "), first.help()))
    }
}

/// The difference itself, without what follows from it.
fn headline(difference: &Difference) -> String {
    difference.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn ping(process: &str, service: &str) -> Ping {
        Ping { process: process.to_owned(), service: service.to_owned(), ..Ping::default() }
    }

    #[test]
    fn only_processes_that_share_something_are_concerned() {
        let own = Ping {
            subscriptions: names(&["audit"]),
            calls: names(&["x"]),
            serves: names(&["y"]),
            ..ping("own", "desk")
        };
        let others = [
            Ping { subscriptions: names(&["audit"]), ..ping("same name", "desk") },
            Ping { subscriptions: names(&["audit"]), ..ping("other service", "bell") },
            Ping { serves: names(&["x"]), ..ping("server", "x") },
            Ping { calls: names(&["y"]), ..ping("caller", "caller") },
            Ping { calls: names(&["x"]), ..ping("caller of another", "caller") },
            Ping { serves: names(&["events"]), ..ping("publisher", "events") },
        ];
        let subscribed = BTreeSet::from(["events".to_owned()]);
        let found: Vec<_> = concerned(&own, &subscribed, &others).into_iter().map(|other| &*other.process).collect();
        assert_eq!(found, ["same name", "server", "caller", "publisher"]);
    }

    #[test]
    fn a_large_service_is_not_asked_as_a_whole() {
        let own = Ping { calls: names(&["x"]), ..ping("own", "desk") };
        let others: Vec<_> = (0..100)
            .map(|number| Ping { serves: names(&["x"]), ..ping(&number.to_string(), &format!("s{}", number / 4)) })
            .collect();
        let found: Vec<_> = concerned(&own, &BTreeSet::new(), &others).into_iter().map(|it| &*it.process).collect();
        assert_eq!(found.len(), MAX_CONCERNED);
        assert_eq!(found[..4], ["0", "1", "4", "5"]);
    }

    #[test]
    fn versions_are_compared_where_they_differ() {
        let known = |api: &str, hash: &str| KnownApi { api: api.into(), hash: hash.into(), ..KnownApi::default() };
        let served = |api: &str, hash: &str| ServedApi { api: api.into(), hash: hash.into(), ..ServedApi::default() };
        let own = Info {
            calls: vec![known("a", "1"), known("b", "1"), known("c", "")],
            serves: vec![served("d", "1")],
            subscriptions: vec![SubscriptionInfo {
                pattern: "a.sold".to_owned(),
                api: Some(known("a", "1")),
                ..SubscriptionInfo::default()
            }],
            ..Info::default()
        };
        let other = Info {
            serves: vec![served("a", "2"), served("b", "1"), served("c", "2")],
            calls: vec![known("d", "3")],
            ..Info::default()
        };
        let found: Vec<_> =
            pairs(&own, &other).into_iter().map(|pair| (pair.direction, pair.api, pair.event)).collect();
        let sold = Some("sold".to_owned());
        assert_eq!(
            found,
            [
                (Direction::Calls, "a".to_owned(), None),
                (Direction::Subscribes, "a".to_owned(), sold),
                (Direction::IsCalled, "d".to_owned(), None)
            ]
        );
    }
}
