//! Finds renames: one field or variant was removed, and another of the same type was added.

use std::collections::BTreeMap;

use super::change::Change;
use crate::api::schema::compat::rule::Rule;

/// How many changes at one place are matched with each other.
const MAX_MATCHED: usize = 200;

pub(super) fn renames(changes: Vec<Change>) -> Vec<Change> {
    let mut places = BTreeMap::<(String, u8), Vec<Change>>::new();
    let mut result = Vec::new();
    for change in changes {
        let parent = change.path.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
        match what(change.rule) {
            Some((thing, _)) => places.entry((parent, thing)).or_default().push(change),
            None => result.push(change),
        }
    }
    for ((parent, thing), changes) in places {
        result.extend(at_one_place(&parent, thing, changes));
    }
    result.sort_by(|one, other| one.path.cmp(&other.path).then(one.rule.cmp(&other.rule)));
    result
}

const FIELD: u8 = 0;
const VARIANT: u8 = 1;

/// Whether the rule is about a field or a variant, and whether it was added.
const fn what(rule: Rule) -> Option<(u8, bool)> {
    Some(match rule {
        Rule::OptionalFieldAdded | Rule::RequiredFieldAdded => (FIELD, true),
        Rule::OptionalFieldRemoved | Rule::RequiredFieldRemoved => (FIELD, false),
        Rule::VariantAdded => (VARIANT, true),
        Rule::VariantRemoved => (VARIANT, false),
        _ => return None,
    })
}

fn at_one_place(parent: &str, thing: u8, changes: Vec<Change>) -> Vec<Change> {
    let is_added = |change: &Change| what(change.rule).is_some_and(|(_, added)| added);
    let (mut added, removed): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_added);
    let (renamed, recased) = match thing {
        FIELD => (Rule::FieldRenamed, Rule::FieldsRecased),
        _ => (Rule::VariantRenamed, Rule::VariantsRecased),
    };
    if added.len() > MAX_MATCHED || removed.len() > MAX_MATCHED {
        return removed.into_iter().chain(added).collect();
    }
    let mut result = Vec::new();
    let mut recasings = Vec::new();
    for (position, change) in removed.iter().enumerate() {
        let candidates: Vec<usize> = (0..added.len()).filter(|at| change.is_replaced_by(&added[*at])).collect();
        let same_name = candidates.iter().copied().find(|at| bare(&change.path) == bare(&added[*at].path));
        let rivals = removed.iter().enumerate().filter(|(at, _)| *at != position);
        let only = match candidates.as_slice() {
            [only] if !rivals.clone().any(|(_, rival)| rival.is_replaced_by(&added[*only])) => Some(*only),
            _ => None,
        };
        match (same_name, only) {
            (Some(at), _) => recasings.push(change.clone().with(added.remove(at), renamed)),
            (None, Some(at)) => result.push(change.clone().with(added.remove(at), renamed)),
            (None, None) => result.push(change.clone()),
        }
    }
    result.extend(added);
    match recasings.len() {
        0 | 1 => result.extend(recasings),
        _ => result.extend(all_recased(parent, recased, recasings)),
    }
    result
}

/// `rename_all` is one change, not one for each name.
fn all_recased(parent: &str, rule: Rule, changes: Vec<Change>) -> Option<Change> {
    let whole = changes.into_iter().reduce(|mut whole, change| {
        whole.old = format!("{}, {}", whole.old, change.old);
        whole.new = format!("{}, {}", whole.new, change.new);
        whole.forward = whole.forward.worse(change.forward);
        whole.backward = whole.backward.worse(change.backward);
        whole
    })?;
    Some(Change { rule, path: parent.to_owned(), ..whole })
}

/// A name without its case: `maxCount` and `max_count` are the same.
fn bare(path: &str) -> String {
    let name = path.rsplit_once('.').map_or(path, |(_, name)| name);
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
