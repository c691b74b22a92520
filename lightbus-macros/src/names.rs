//! The rules for names on the bus, and what names are derived from.
//!
//! The runtime checks the same rules when it evaluates a descriptor; here they are checked so that the error has a span
//! and says what to write instead.

use std::fmt;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    Api,
    Method,
    Event,
}

/// The first rule that a name broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameProblem {
    Empty,
    TooLong { len: usize, max: usize },
    EmptyPart,
    BadStart(char),
    BadCharacter(char),
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong { len, max } => {
                write!(f, "it has {len} bytes and the limit is {max}, because names become parts of queue names")
            }
            Self::EmptyPart => f.write_str("a part between two dots is empty"),
            Self::BadStart(found) => write!(f, "it must start with a lower-case letter, not with {found:?}"),
            Self::BadCharacter(found) => write!(f, "{found:?} is not allowed in it"),
        }
    }
}

impl NameKind {
    pub(crate) const fn article(self) -> &'static str {
        match self {
            Self::Api => "the name of an API",
            Self::Method => "the name of a method",
            Self::Event => "the name of an event",
        }
    }

    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Api => "use lower-case identifiers joined by dots, such as \"company.warranty\", at most 127 bytes",
            Self::Method => {
                "use a lower-case identifier of at most 63 bytes; `#[rpc(name = \"…\")]` sets one that differs from \
                 the Rust name"
            }
            Self::Event => {
                "use a lower-case identifier of at most 63 bytes; `#[event(name = \"…\")]` sets one that differs from \
                 the Rust name"
            }
        }
    }

    /// Checks a name against the rule of its kind.
    pub(crate) fn problem(self, name: &str) -> Option<NameProblem> {
        let max = if self == Self::Api { 127 } else { 63 };
        if name.is_empty() {
            return Some(NameProblem::Empty);
        }
        if name.len() > max {
            return Some(NameProblem::TooLong { len: name.len(), max });
        }
        if self == Self::Api { name.split('.').find_map(part_problem) } else { part_problem(name) }
    }
}

fn part_problem(part: &str) -> Option<NameProblem> {
    let mut characters = part.chars();
    match characters.next() {
        None => return Some(NameProblem::EmptyPart),
        Some('a'..='z') => {}
        Some(first @ ('0'..='9' | '_')) => return Some(NameProblem::BadStart(first)),
        Some(other) => return Some(NameProblem::BadCharacter(other)),
    }
    characters.find(|found| !matches!(found, 'a'..='z' | '0'..='9' | '_')).map(NameProblem::BadCharacter)
}

/// `product_registered` becomes `ProductRegistered`.
pub(crate) fn pascal_case(name: &str) -> String {
    name.split('_').flat_map(capitalised).collect()
}

fn capitalised(word: &str) -> impl Iterator<Item = char> + '_ {
    let mut rest = word.chars();
    let first = rest.next();
    first.into_iter().flat_map(char::to_uppercase).chain(rest)
}

/// `SpareParts` becomes `spare_parts`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// The name that was likely meant, when one is close enough.
pub(crate) fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, closest) = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance <= 2 && distance < name.chars().count()).then_some(closest)
}

/// The number of characters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (line, left) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for ((right, replace), delete) in right.chars().zip(&row).zip(row.iter().skip(1)) {
            let insert = next.last().copied().unwrap_or_default() + 1;
            next.push(insert.min(delete + 1).min(replace + usize::from(left != right)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_the_runtime() {
        let long = "a".repeat(64);
        for (kind, name, problem) in [
            (NameKind::Api, "company.warranty", None),
            (NameKind::Api, "company.spare_parts.v2", None),
            (NameKind::Api, long.as_str(), None),
            (NameKind::Api, "", Some(NameProblem::Empty)),
            (NameKind::Api, "company..warranty", Some(NameProblem::EmptyPart)),
            (NameKind::Api, "company.", Some(NameProblem::EmptyPart)),
            (NameKind::Api, "company.2nd", Some(NameProblem::BadStart('2'))),
            (NameKind::Api, "company.Warranty", Some(NameProblem::BadCharacter('W'))),
            (NameKind::Method, "check", None),
            (NameKind::Method, "company.check", Some(NameProblem::BadCharacter('.'))),
            (NameKind::Event, "größe", Some(NameProblem::BadCharacter('ö'))),
            (NameKind::Event, "_sold", Some(NameProblem::BadStart('_'))),
            (NameKind::Event, long.as_str(), Some(NameProblem::TooLong { len: 64, max: 63 })),
        ] {
            assert_eq!(kind.problem(name), problem, "{name}");
        }
    }

    #[test]
    fn cases_are_converted() {
        assert_eq!(pascal_case("product_registered"), "ProductRegistered");
        assert_eq!(pascal_case("step_2"), "Step2");
        assert_eq!(snake_case("SpareParts"), "spare_parts");
    }

    #[test]
    fn near_misses_are_recognised() {
        assert_eq!(closest("timout", &["name", "timeout", "idempotent"]), Some("timeout"));
        assert_eq!(closest("retries", &["name", "timeout", "idempotent"]), None);
        assert_eq!(closest("x", &["name"]), None);
    }
}
