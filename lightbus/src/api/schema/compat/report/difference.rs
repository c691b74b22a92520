//! One change, with a verdict for each side.

use serde::Serialize;

use super::verdict::Verdict;
use crate::api::schema::compat::changes::Change;
use crate::api::schema::compat::rule::Rule;
use crate::api::schema::compat::walk::Effect;

/// The part of an API that a difference is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Part {
    /// The API as a whole.
    Api,
    /// A method as a whole.
    Method,
    /// An event as a whole.
    Event,
    /// The arguments of a method.
    Arguments,
    /// What a method returns: the `Ok` value of a `Result`.
    Answer,
    /// The error of a method.
    Error,
    /// The fields of an event.
    Fields,
}

/// A change of an API, and what it does to messages between old and new processes.
///
/// Each verdict says what happens while *that side is deployed first* and the others still run the old version. It is
/// absent where the side has nothing to do with the change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The kind of the change.
    pub rule: Rule,
    /// The method or the event. Empty for a change of the API itself.
    pub member: String,
    /// Which part of it.
    pub part: Part,
    /// Where in that part, such as `parts[].serial`. Empty for the part as a whole.
    pub path: String,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
    /// A new server with old callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_first: Option<Verdict>,
    /// New callers with an old server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_first: Option<Verdict>,
    /// A new publisher with old subscribers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher_first: Option<Verdict>,
    /// New subscribers with an old publisher, and with events of the old version that still wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriber_first: Option<Verdict>,
    /// Processes of the new version among each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among_new: Option<Verdict>,
}

impl Difference {
    pub(in crate::api::schema::compat) fn of_type(member: &str, part: Part, change: Change) -> Self {
        let Change { rule, path, forward, mut backward, among_new, old, new, .. } = change;
        // Readers are meant to take additions.
        let added = matches!(rule, Rule::OptionalFieldAdded | Rule::RequiredFieldAdded);
        if added && part != Part::Arguments && backward == Effect::Mute {
            backward = Effect::Fine;
        }
        let difference = Self::new(rule, member, part, old, new);
        if let Some(effect) = among_new {
            return Self { path, among_new: Some(effect.into()), ..difference };
        }
        let (forward, backward) = (Some(forward.into()), Some(backward.into()));
        match part {
            Part::Arguments => Self { path, server_first: forward, caller_first: backward, ..difference },
            Part::Fields | Part::Event => {
                Self { path, subscriber_first: forward, publisher_first: backward, ..difference }
            }
            _ => Self { path, server_first: backward, caller_first: forward, ..difference },
        }
    }

    pub(in crate::api::schema::compat) fn new(rule: Rule, member: &str, part: Part, old: String, new: String) -> Self {
        Self {
            rule,
            member: member.to_owned(),
            part,
            path: String::new(),
            old,
            new,
            server_first: None,
            caller_first: None,
            publisher_first: None,
            subscriber_first: None,
            among_new: None,
        }
    }

    pub(in crate::api::schema::compat) fn calls(self, server_first: Verdict, caller_first: Verdict) -> Self {
        Self { server_first: Some(server_first), caller_first: Some(caller_first), ..self }
    }

    pub(in crate::api::schema::compat) fn events(self, publisher_first: Verdict, subscriber_first: Verdict) -> Self {
        Self { publisher_first: Some(publisher_first), subscriber_first: Some(subscriber_first), ..self }
    }

    /// The verdicts that there are.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        let calls = [&self.server_first, &self.caller_first];
        calls.into_iter().chain([&self.publisher_first, &self.subscriber_first, &self.among_new]).flatten()
    }

    /// Whether some order of deployment makes messages fail.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.verdicts().any(Verdict::is_breaking)
    }

    /// Whether a value is lost without an error, whichever side is deployed first.
    #[must_use]
    pub fn is_silent_loss(&self) -> bool {
        let both = |one: &Option<Verdict>, other: &Option<Verdict>| {
            one.as_ref().is_some_and(Verdict::is_mute) && other.as_ref().is_some_and(Verdict::is_mute)
        };
        // A removal is meant to lose the value.
        let meant = matches!(self.rule, Rule::OptionalFieldRemoved | Rule::EventRemoved | Rule::NumberChanged);
        !meant && (both(&self.server_first, &self.caller_first) || both(&self.publisher_first, &self.subscriber_first))
    }
}
