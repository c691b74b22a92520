//! The names of services, subscriptions and namespaces, checked when they are made.
//!
//! The crate `lightbus-names` holds the rules, which the macros check too.

use std::fmt;
use std::str::Split;

#[doc(inline)]
pub use lightbus_names::NameKind;
use lightbus_names::NameProblem;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use thiserror::Error;

/// A name that breaks the rule of its kind.
///
/// The message says which rule, and shows a good name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} cannot be used as {}: {}. {}", .kind.article(), .problem.describe(.name), .kind.rule())]
pub struct NameError {
    kind: NameKind,
    name: String,
    problem: NameProblem,
}

impl NameError {
    pub(crate) fn check(kind: NameKind, name: &str) -> Result<(), Self> {
        match kind.problem(name) {
            None => Ok(()),
            Some(problem) => Err(Self { kind, name: name.to_owned(), problem }),
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
                NameError::check(NameKind::$kind, name)?;
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

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
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
    fn the_message_says_what_is_wrong_and_what_is_right() {
        let text = |kind, name| NameError::check(kind, name).unwrap_err().to_string();
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
}
