//! The rules that names on the bus follow, and the validated names themselves.
//!
//! Names become parts of RabbitMQ queue names and routing keys, which hold at most 255 bytes. The limits here are
//! chosen so that the longest queue name that can be composed of them, `{namespace}.event.{service}.{subscription}.retry.{delay}`,
//! always fits.

use std::fmt;
use std::str::Split;

use smol_str::SmolStr;
use thiserror::Error;

/// Why a name was refused.
///
/// Every message names the rule that was broken and shows what a good name looks like.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} cannot be used as {}: {}. {}", .kind.article(), .problem.describe(.name), .kind.rule())]
pub struct NameError {
    kind: NameKind,
    name: String,
    problem: NameProblem,
}

/// What a name stands for, which decides the rule that it must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// The name of an API, such as `company.warranty`.
    Api,
    /// The name of a method or an event, such as `product_registered`.
    Member,
    /// The name of a service, such as `spare-parts`.
    Service,
    /// The name of a subscription, such as `start-cover`.
    Subscription,
    /// The name of a namespace, such as `lightbus` or `alice`.
    Namespace,
    /// A pattern over event names, such as `company.#`.
    Pattern,
}

/// The first rule that a name broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameProblem {
    Empty,
    TooLong { len: usize, max: usize },
    EmptyPart,
    BadStart { at: usize },
    BadCharacter { at: usize },
}

impl NameProblem {
    fn describe(self, name: &str) -> String {
        let character = |at| name.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
        match self {
            Self::Empty => "it is empty".to_owned(),
            Self::TooLong { len, max } => format!("it has {len} bytes, and the limit is {max}"),
            Self::EmptyPart => "a part between two dots is empty".to_owned(),
            Self::BadStart { at: 0 } => format!("it must start with a lower-case letter, not with {:?}", character(0)),
            Self::BadStart { at } => {
                format!("each part must start with a lower-case letter, not with {:?}", character(at))
            }
            Self::BadCharacter { at } => format!("{:?} is not allowed in it", character(at)),
        }
    }
}

impl NameKind {
    /// The longest name of this kind, in bytes.
    #[must_use]
    pub const fn max_len(self) -> usize {
        match self {
            Self::Api => 127,
            Self::Member | Self::Service | Self::Subscription => 63,
            Self::Namespace => 31,
            Self::Pattern => 191,
        }
    }

    const fn article(self) -> &'static str {
        match self {
            Self::Api => "the name of an API",
            Self::Member => "the name of a method or an event",
            Self::Service => "the name of a service",
            Self::Subscription => "the name of a subscription",
            Self::Namespace => "a namespace",
            Self::Pattern => "a pattern",
        }
    }

    const fn rule(self) -> &'static str {
        match self {
            Self::Api => "Use lower-case identifiers joined by dots, such as \"company.warranty\", at most 127 bytes",
            Self::Member => "Use a lower-case identifier, such as \"product_registered\", at most 63 bytes",
            Self::Service => "Use lower-case letters, digits, '-' and '_', such as \"spare-parts\", at most 63 bytes",
            Self::Subscription => {
                "Use lower-case letters, digits, '-' and '_', such as \"start-cover\", at most 63 bytes"
            }
            Self::Namespace => "Use lower-case letters, digits, '-' and '_', such as \"alice\", at most 31 bytes",
            Self::Pattern => {
                "Use lower-case identifiers, '*' for one of them and '#' for any number, joined by dots, \
                 such as \"company.#\", at most 191 bytes"
            }
        }
    }

    /// Checks `name` against the rule of its kind.
    pub(crate) const fn problem(self, name: &str) -> Option<NameProblem> {
        let bytes = name.as_bytes();
        if bytes.is_empty() {
            return Some(NameProblem::Empty);
        }
        if bytes.len() > self.max_len() {
            return Some(NameProblem::TooLong { len: bytes.len(), max: self.max_len() });
        }
        let dotted = matches!(self, Self::Api | Self::Pattern);
        let hyphens = matches!(self, Self::Service | Self::Subscription | Self::Namespace);
        let wildcards = matches!(self, Self::Pattern);
        let mut part_start = 0;
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let first = at == part_start;
            let alone = first && (at + 1 == bytes.len() || bytes[at + 1] == b'.');
            match byte {
                b'.' if dotted && first => return Some(NameProblem::EmptyPart),
                b'.' if dotted => part_start = at + 1,
                b'*' | b'#' if wildcards && alone => {}
                b'a'..=b'z' => {}
                b'0'..=b'9' | b'_' if !first => {}
                b'-' if hyphens && !first => {}
                b'0'..=b'9' | b'_' | b'-' if first => return Some(NameProblem::BadStart { at }),
                _ => return Some(NameProblem::BadCharacter { at }),
            }
            at += 1;
        }
        if part_start == bytes.len() {
            return Some(NameProblem::EmptyPart);
        }
        None
    }

    pub(crate) fn check(self, name: &str) -> Result<(), NameError> {
        match self.problem(name) {
            None => Ok(()),
            Some(problem) => Err(NameError { kind: self, name: name.to_owned(), problem }),
        }
    }
}

macro_rules! validated_name {
    ($(#[$docs:meta])* $name:ident, $kind:ident) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks `name` against the rule of its kind.
            ///
            /// # Errors
            ///
            /// A [`NameError`] that says which rule the name breaks.
            pub fn new(name: &str) -> Result<Self, NameError> {
                NameKind::$kind.check(name)?;
                Ok(Self(SmolStr::new(name)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as messages carry it.
            #[allow(dead_code, reason = "not every kind of name is carried")]
            pub(crate) fn text(&self) -> SmolStr {
                self.0.clone()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

validated_name! {
    /// The name of a service: one application of the company, however many processes it runs.
    ServiceName, Service
}
validated_name! {
    /// The name of a subscription, unique within its service.
    SubscriptionName, Subscription
}
validated_name! {
    /// The name of a namespace: a bus of its own on a shared broker.
    Namespace, Namespace
}
validated_name! {
    /// A pattern over full event names (`{api}.{event}`), in which `*` stands for one part and `#` for any number of parts.
    Pattern, Pattern
}

impl Pattern {
    /// Whether the pattern covers a full event name, as a RabbitMQ topic exchange would decide.
    pub(crate) fn matches(&self, event: &str) -> bool {
        fn parts_match(mut pattern: Split<'_, char>, mut parts: Split<'_, char>) -> bool {
            match pattern.next() {
                None => parts.next().is_none(),
                Some("#") => {
                    parts_match(pattern.clone(), parts.clone())
                        || std::iter::from_fn(|| parts.next().map(|_| parts.clone()))
                            .any(|rest| parts_match(pattern.clone(), rest))
                }
                Some(expected) => {
                    parts.next().is_some_and(|part| expected == "*" || expected == part) && parts_match(pattern, parts)
                }
            }
        }
        parts_match(self.0.split('.'), event.split('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass() {
        for (kind, name) in [
            (NameKind::Api, "company.warranty"),
            (NameKind::Api, "a"),
            (NameKind::Api, "company.spare_parts.v2"),
            (NameKind::Member, "product_registered"),
            (NameKind::Service, "spare-parts"),
            (NameKind::Subscription, "start-cover_2"),
            (NameKind::Pattern, "#"),
            (NameKind::Pattern, "company.*.product_registered"),
        ] {
            assert_eq!(kind.problem(name), None, "{name}");
        }
    }

    #[test]
    fn bad_names_are_told_apart() {
        let long = "a".repeat(64);
        for (kind, name, problem) in [
            (NameKind::Api, "", NameProblem::Empty),
            (NameKind::Api, "company..warranty", NameProblem::EmptyPart),
            (NameKind::Api, ".warranty", NameProblem::EmptyPart),
            (NameKind::Api, "company.", NameProblem::EmptyPart),
            (NameKind::Api, "company.2nd", NameProblem::BadStart { at: 8 }),
            (NameKind::Api, "company.Warranty", NameProblem::BadCharacter { at: 8 }),
            (NameKind::Api, "company-warranty", NameProblem::BadCharacter { at: 7 }),
            (NameKind::Service, "spare.parts", NameProblem::BadCharacter { at: 5 }),
            (NameKind::Service, "-parts", NameProblem::BadStart { at: 0 }),
            (NameKind::Member, "größe", NameProblem::BadCharacter { at: 2 }),
            (NameKind::Member, &long, NameProblem::TooLong { len: 64, max: 63 }),
            (NameKind::Pattern, "company.#x", NameProblem::BadCharacter { at: 8 }),
            (NameKind::Pattern, "company.x#", NameProblem::BadCharacter { at: 9 }),
        ] {
            assert_eq!(kind.problem(name), Some(problem), "{name}");
        }
    }

    #[test]
    fn the_message_says_what_is_wrong_and_what_is_right() {
        let text = |kind: NameKind, name: &str| kind.check(name).unwrap_err().to_string();
        assert_eq!(
            text(NameKind::Namespace, "Alice"),
            "\"Alice\" cannot be used as a namespace: 'A' is not allowed in it. Use lower-case letters, digits, '-' and '_', \
             such as \"alice\", at most 31 bytes"
        );
        assert!(text(NameKind::Member, "größe").contains("'ö' is not allowed in it"));
        assert!(
            text(NameKind::Api, "company.2nd").contains("each part must start with a lower-case letter, not with '2'")
        );
    }

    #[test]
    fn patterns_match_as_a_topic_exchange_does() {
        let matches = |pattern: &str, event: &str| Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(event));
        assert!(matches("#", "company.sales.product_sold"));
        assert!(matches("company.#", "company.sales.product_sold"));
        assert!(matches("company.#", "company"));
        assert!(matches("company.*.product_sold", "company.sales.product_sold"));
        assert!(matches("#.product_sold", "product_sold"));
        assert!(matches("company.#.#.product_sold", "company.product_sold"));
        assert!(!matches("company.*", "company.sales.product_sold"));
        assert!(!matches("company.*.product_sold", "company.product_sold"));
        assert!(!matches("company.sales", "company.sales.product_sold"));
    }

    #[test]
    fn the_longest_queue_name_fits() {
        let longest = NameKind::Namespace.max_len()
            + ".event.".len()
            + NameKind::Service.max_len()
            + 1
            + NameKind::Subscription.max_len()
            + ".retry.".len()
            + u64::MAX.to_string().len()
            + "ms".len();
        assert!(longest <= 255);
        assert!(NameKind::Namespace.max_len() + ".rpc.".len() + NameKind::Api.max_len() <= 255);
        assert!(NameKind::Api.max_len() + 1 + NameKind::Member.max_len() <= 255);
    }
}
