//! Finds similar names for an error message.

use std::collections::BTreeSet;

/// The known names that a mistyped one resembles, the most similar first.
pub(crate) fn similar(mistyped: &str, known: Vec<String>) -> Vec<String> {
    let limit = (mistyped.chars().count() / 3).max(2);
    let known: BTreeSet<String> = known.into_iter().collect();
    let mut near: Vec<(usize, String)> = known
        .into_iter()
        .map(|name| (distance(mistyped, &name), name))
        .filter(|(distance, name)| *distance <= limit || name.contains(mistyped) || mistyped.contains(name.as_str()))
        .collect();
    near.sort();
    near.into_iter().map(|(_, name)| name).collect()
}

/// The Levenshtein distance of two names.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let above = *cell;
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("start-cover", "start-cover"), 0);
    }

    #[test]
    fn only_similar_names_are_offered() {
        let known = ["start-cover", "audit", "end-cover"].map(str::to_owned).to_vec();
        assert_eq!(similar("start-covr", known.clone()), ["start-cover"]);
        assert_eq!(similar("cover", known.clone()), ["end-cover", "start-cover"]);
        assert!(similar("invoices", known).is_empty());
    }
}
