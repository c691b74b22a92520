//! The rules that names on the bus follow.
//!
//! The macros of `lightbus` check names at compile time, and the runtime checks those that it learns later. Both use this
//! crate, so the rules exist once. Depend on `lightbus`, not on this crate: its interface may change with any release.
//!
//! Names become parts of RabbitMQ queue names and routing keys, which hold at most 255 bytes. The limits here are chosen
//! so that the longest queue name always fits.

#![no_std]

use core::fmt;

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

/// The first rule that a name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// It has no characters.
    Empty,
    /// It is longer than its kind allows.
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Two dots follow each other, or a dot is at an end.
    EmptyPart,
    /// It, or a part between dots, starts with a character that is allowed only further on.
    BadStart {
        /// The index of that character in bytes.
        at: usize,
    },
    /// A character is not allowed.
    BadCharacter {
        /// The index of that character in bytes.
        at: usize,
    },
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

    /// What a sentence calls a name of this kind, with an article.
    #[doc(hidden)]
    #[must_use]
    pub const fn article(self) -> &'static str {
        match self {
            Self::Api => "the name of an API",
            Self::Member => "the name of a method or an event",
            Self::Service => "the name of a service",
            Self::Subscription => "the name of a subscription",
            Self::Namespace => "a namespace",
            Self::Pattern => "a pattern",
        }
    }

    /// The rule, as advice without a full stop.
    #[doc(hidden)]
    #[must_use]
    pub const fn rule(self) -> &'static str {
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
    #[doc(hidden)]
    #[must_use]
    pub const fn problem(self, name: &str) -> Option<NameProblem> {
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
}

impl NameProblem {
    /// Says what is wrong with `name`, whose problem this is.
    #[must_use]
    pub fn describe(self, name: &str) -> impl fmt::Display {
        Description { problem: self, name }
    }
}

struct Description<'a> {
    problem: NameProblem,
    name: &'a str,
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let character = |at| self.name.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
        match self.problem {
            NameProblem::Empty => f.write_str("it is empty"),
            NameProblem::TooLong { len, max } => write!(f, "it has {len} bytes, and the limit is {max}"),
            NameProblem::EmptyPart => f.write_str("a part between two dots is empty"),
            NameProblem::BadStart { at: 0 } => {
                write!(f, "it must start with a lower-case letter, not with {:?}", character(0))
            }
            NameProblem::BadStart { at } => {
                write!(f, "each part must start with a lower-case letter, not with {:?}", character(at))
            }
            NameProblem::BadCharacter { at } => write!(f, "{:?} is not allowed in it", character(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

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
    fn each_broken_rule_is_told_apart() {
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
            (NameKind::Member, "company.check", NameProblem::BadCharacter { at: 7 }),
            (NameKind::Member, "größe", NameProblem::BadCharacter { at: 2 }),
            (NameKind::Member, "_sold", NameProblem::BadStart { at: 0 }),
            (NameKind::Member, &long, NameProblem::TooLong { len: 64, max: 63 }),
            (NameKind::Pattern, "company.#x", NameProblem::BadCharacter { at: 8 }),
            (NameKind::Pattern, "company.x#", NameProblem::BadCharacter { at: 9 }),
        ] {
            assert_eq!(kind.problem(name), Some(problem), "{name}");
        }
    }

    #[test]
    fn the_description_shows_the_character() {
        let describe =
            |kind: NameKind, name: &str| kind.problem(name).map(|problem| problem.describe(name).to_string());
        assert_eq!(describe(NameKind::Member, "größe").as_deref(), Some("'ö' is not allowed in it"));
        assert_eq!(
            describe(NameKind::Api, "company.2nd").as_deref(),
            Some("each part must start with a lower-case letter, not with '2'")
        );
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
