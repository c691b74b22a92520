//! How refusals speak of names, and how names are derived from others.
//!
//! The crate `lightbus-names` holds the rules, which the runtime checks too.

use lightbus_names::NameKind;

/// What the user names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Api,
    Method,
    Event,
}

impl Named {
    /// The kind whose rule the name must follow.
    pub(crate) const fn kind(self) -> NameKind {
        match self {
            Self::Api => NameKind::Api,
            Self::Method | Self::Event => NameKind::Member,
        }
    }

    pub(crate) const fn article(self) -> &'static str {
        match self {
            Self::Api => "the name of an API",
            Self::Method => "the name of a method",
            Self::Event => "the name of an event",
        }
    }

    /// What to write instead.
    pub(crate) const fn help(self) -> &'static str {
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

/// `start_cover` becomes `start-cover`.
pub(crate) fn kebab_case(name: &str) -> String {
    name.replace('_', "-")
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
