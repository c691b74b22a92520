//! What changed between two versions of one type, in both directions.

mod change;
mod rename;

use std::collections::{BTreeMap, HashSet};

pub(crate) use self::change::Change;
use self::rename::renames;
use super::rule::Rule;
use super::walk::{Effect, Finding, Kind, relate};
use crate::api::schema::shape::{Shapes, fingerprint};
use crate::api::schema::types::Type;

pub(crate) fn changes(old: Type<'_>, new: Type<'_>) -> Vec<Change> {
    let own = |version: Type<'_>| relate((version.shapes, version.written), (version.shapes, version.read));
    let (old_own, new_own) = (own(old), own(new));
    // A loss that the old version already has among its own processes is not a change.
    let known: HashSet<(Kind, &str)> = old_own.iter().map(|finding| (finding.kind, finding.path.as_str())).collect();
    let is_news = |finding: &Finding| !known.contains(&(finding.kind, finding.path.as_str()));
    let mut places = BTreeMap::<(String, Rule), Change>::new();
    let forward = relate((old.shapes, old.written), (new.shapes, new.read));
    let backward = relate((new.shapes, new.written), (old.shapes, old.read));
    let (forward, backward): (Vec<_>, Vec<_>) = (
        forward.into_iter().filter(|finding| is_news(finding)).collect(),
        backward.into_iter().filter(|finding| is_news(finding)).collect(),
    );
    let kinds = |findings: &[Finding]| {
        let mut kinds = BTreeMap::<String, Vec<Kind>>::new();
        for finding in findings {
            kinds.entry(finding.path.clone()).or_default().push(finding.kind);
        }
        kinds
    };
    let (forward_kinds, backward_kinds) = (kinds(&forward), kinds(&backward));
    for (findings, is_forward) in [(forward, true), (backward, false)] {
        for finding in findings {
            let at = |kinds: &BTreeMap<String, Vec<Kind>>| kinds.get(&finding.path).cloned().unwrap_or_default();
            let rule = rule(finding.kind, is_forward, &at(&forward_kinds), &at(&backward_kinds));
            let change = change(finding, rule, is_forward, if is_forward { old.shapes } else { new.shapes });
            match places.entry((change.path.clone(), rule)) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(change);
                }
                std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().add(change),
            }
        }
    }
    let mut changes: Vec<Change> = places.into_values().collect();
    changes.extend(own_failures(&old_own, new_own, &changes));
    renames(changes)
}

fn change(finding: Finding, rule: Rule, is_forward: bool, shapes: &Shapes) -> Change {
    let Finding { kind, path, effect, written, read, shape } = finding;
    let effect = match (kind, is_forward) {
        // An old reader finds nothing where it used to find a value.
        (Kind::NotWritten, false) => Effect::Mute,
        _ => effect,
    };
    let (forward, backward) = if is_forward { (effect, Effect::Fine) } else { (Effect::Fine, effect) };
    let (old, new) = if is_forward { (written, read) } else { (read, written) };
    Change {
        rule,
        path,
        forward,
        backward,
        among_new: None,
        old,
        new,
        fingerprint: shape.map(|shape| fingerprint(shapes, shape)),
    }
}

fn rule(kind: Kind, is_forward: bool, forward: &[Kind], backward: &[Kind]) -> Rule {
    let any = |kinds: &[Kind], wanted: &[Kind]| kinds.iter().any(|kind| wanted.contains(kind));
    let one_sided = |to_new: Rule, to_old: Rule, both: Rule| match (forward.contains(&kind), backward.contains(&kind)) {
        (true, true) => both,
        (true, false) => to_new,
        _ => to_old,
    };
    match kind {
        Kind::Missing | Kind::NotWritten | Kind::Unread | Kind::UnknownField => {
            const GONE: &[Kind] = &[Kind::Missing, Kind::NotWritten];
            const LOST: &[Kind] = &[Kind::Unread, Kind::UnknownField];
            let (removed, added) =
                (any(backward, GONE) && any(forward, LOST), any(forward, GONE) && any(backward, LOST));
            let required = if removed { any(backward, &[Kind::Missing]) } else { any(forward, &[Kind::Missing]) };
            match (removed, added, is_forward, kind) {
                (true, ..) if required => Rule::RequiredFieldRemoved,
                (true, ..) => Rule::OptionalFieldRemoved,
                (_, true, ..) if required => Rule::RequiredFieldAdded,
                (_, true, ..) => Rule::OptionalFieldAdded,
                (_, _, _, Kind::UnknownField) => Rule::UnknownFieldsRefused,
                (_, _, true, Kind::Missing) => Rule::RequiredFieldAdded,
                (_, _, true, Kind::NotWritten) | (_, _, false, Kind::Unread) => Rule::OptionalFieldAdded,
                (_, _, true, _) => Rule::FieldNotRead,
                (_, _, false, _) => Rule::FieldNotWritten,
            }
        }
        Kind::MayBeMissing | Kind::Null => match (is_forward, any(forward, &[Kind::MayBeMissing, Kind::Null])) {
            (true, _) => Rule::BecameRequired,
            (false, _) => Rule::BecameOptional,
        },
        Kind::Default => Rule::DefaultChanged,
        Kind::Range => one_sided(Rule::IntegerNarrowed, Rule::IntegerWidened, Rule::IntegerChanged),
        Kind::Number => Rule::NumberChanged,
        Kind::Text => Rule::TextChanged,
        Kind::Type => Rule::TypeChanged,
        Kind::Length => Rule::LengthChanged,
        Kind::Unique => Rule::SetChanged,
        Kind::Key => Rule::KeyChanged,
        Kind::UnknownVariant | Kind::OtherVariant => {
            if is_forward {
                Rule::VariantRemoved
            } else {
                Rule::VariantAdded
            }
        }
        Kind::VariantContent => Rule::VariantContentChanged,
        Kind::TakenByOther => Rule::VariantsReordered,
        Kind::Representation => Rule::RepresentationChanged,
        Kind::Constraint => Rule::ConstraintChanged,
        Kind::Opaque => Rule::NotUnderstood,
        Kind::TooLarge => Rule::TooLarge,
    }
}

/// The new version does not understand itself, as the old one did.
fn own_failures(old: &[Finding], new: Vec<Finding>, changes: &[Change]) -> Vec<Change> {
    let is_known =
        |finding: &Finding| old.iter().any(|before| (before.kind, &before.path) == (finding.kind, &finding.path));
    let failures = new.into_iter().filter(|finding| finding.effect.is_failure() && !is_known(finding));
    failures
        .filter(|_| !changes.is_empty())
        .map(|Finding { path, effect, written, read, .. }| Change {
            rule: Rule::UnreadableByItself,
            path,
            forward: Effect::Fine,
            backward: Effect::Fine,
            among_new: Some(effect),
            old: read,
            new: written,
            fingerprint: None,
        })
        .collect()
}
