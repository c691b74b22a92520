//! Differences between two versions of an API, and what to do about them.

mod difference;
mod order;
mod verdict;

use std::fmt;

use serde::Serialize;

pub use self::difference::{Difference, Part};
pub use self::order::Order;
pub use self::verdict::Verdict;
use super::rule::Rule;

/// What changed between two versions of an API.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The changes, by the name of the method or the event.
    pub differences: Vec<Difference>,
    /// Whether there are more differences than are listed.
    pub is_truncated: bool,
}

impl Comparison {
    /// Whether there is no difference.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether old and new processes can be exchanged in some order without a message that fails or a value that is
    /// lost silently.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        !self.is_truncated && self.order().is_safe() && !self.differences.iter().any(Difference::is_silent_loss)
    }

    /// In which order the applications can be deployed.
    #[must_use]
    pub fn order(&self) -> Order {
        Order::of(&self.differences)
    }
}

impl Difference {
    /// Where the change is, such as `check, answer: parts[].serial`.
    #[must_use]
    pub fn place(&self) -> String {
        let part = match self.part {
            Part::Api => "the API",
            Part::Method | Part::Event => return format!("`{}`", self.member),
            Part::Arguments => "argument",
            Part::Answer => "answer",
            Part::Error => "error",
            Part::Fields => "event",
        };
        match (self.member.as_str(), self.path.as_str()) {
            ("", _) => part.to_owned(),
            (member, "") => format!("`{member}`, {part}"),
            (member, path) => format!("`{member}`, {part}: `{path}`"),
        }
    }

    /// What to do about the change.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self.rule {
            Rule::MethodRenamed => "Keep the name on the bus with `#[rpc(name = \"…\")]`",
            Rule::EventRenamed => "Keep the name on the bus with `#[event(name = \"…\")]`",
            Rule::FieldRenamed | Rule::VariantRenamed => {
                "Keep the name with `#[serde(rename = \"…\")]`, or accept both with `#[serde(alias = \"…\")]` everywhere \
                 before anybody writes the new one"
            }
            Rule::FieldsRecased | Rule::VariantsRecased => "Set `#[serde(rename_all = \"…\")]` to what it was",
            Rule::RequiredFieldAdded => "Make it an `Option` or give it `#[serde(default)]`",
            Rule::RequiredFieldRemoved => {
                "Give it `#[serde(default)]` first; remove it once every process has been built with that"
            }
            Rule::BecameRequired => {
                "`#[serde(default)]` stands in for a missing value but not for null, which is what a `None` is written as"
            }
            Rule::VariantAdded => {
                "Give the enum a variant for names that it does not know, `#[serde(other)]`, and let every reader have it first"
            }
            Rule::VariantsReordered => "Put new variants of an untagged enum last, and keep the order of the others",
            Rule::UnreadableByItself => "Make `Serialize` and `Deserialize` agree, for instance on names",
            Rule::NotUnderstood | Rule::TooLarge => "Compare this part by eye",
            Rule::EventRemoved => "Remove the subscriptions; their queues keep what was published",
            _ => "Add the new form beside the old one, move everybody, then remove the old one",
        }
    }

    fn change(&self) -> String {
        match (self.old.as_str(), self.new.as_str()) {
            (old, "nothing") => format!("{old} was removed"),
            ("nothing", new) => format!("{new} was added"),
            (old, new) if old == new => format!("{old} changed"),
            (old, new) => format!("{old} became {new}"),
        }
    }

    fn consequences(&self) -> Vec<String> {
        let cost = match self.part {
            Part::Arguments => "The fault is `invalid_arguments`, and the method has not run",
            Part::Answer | Part::Error => "The caller gets `InvalidReply`, and the method has run",
            Part::Fields => "The event becomes a dead letter",
            _ => "",
        };
        let sides = [
            ("old callers and a new server", &self.server_first),
            ("new callers and an old server", &self.caller_first),
            ("old subscribers and a new publisher", &self.publisher_first),
            ("new subscribers and events of the old version", &self.subscriber_first),
            ("new processes among each other", &self.among_new),
        ];
        let verdicts = sides.into_iter().filter_map(|(who, verdict)| Some((who, verdict.as_ref()?)));
        let mut lines: Vec<String> = verdicts
            .filter(|(_, verdict)| **verdict != Verdict::Compatible)
            .map(|(who, verdict)| format!("{who}: {verdict}"))
            .collect();
        if self.is_breaking() && !cost.is_empty() {
            lines.push(cost.to_owned());
        }
        lines
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]: {}", self.place(), self.rule.id(), self.change())?;
        for line in self.consequences() {
            write!(f, "\n    {line}")?;
        }
        if self.is_breaking() || self.is_silent_loss() {
            write!(f, "\n    help: {}", self.help())?;
        }
        Ok(())
    }
}

/// How many differences are told in words.
const MAX_TOLD: usize = 50;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no difference");
        }
        let mut differences: Vec<&Difference> = self.differences.iter().collect();
        differences.sort_by_key(|each| std::cmp::Reverse(each.verdicts().map(Verdict::severity).max()));
        for difference in differences.iter().take(MAX_TOLD) {
            writeln!(f, "{difference}")?;
        }
        if differences.len() > MAX_TOLD {
            writeln!(f, "… and {} more", differences.len() - MAX_TOLD)?;
        }
        write!(f, "{}", self.order())
    }
}
