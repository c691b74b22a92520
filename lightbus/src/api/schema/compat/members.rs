//! Compares the methods and events of two versions of an API.

use std::collections::BTreeMap;

use super::changes::changes;
use super::report::{Comparison, Difference, Part, Verdict};
use super::rule::Rule;
use crate::api::schema::document::{ApiSchema, EventSchema, MethodSchema};
use crate::api::schema::types::{ApiTypes, PartKey};
use crate::duration::shown;

/// How many differences are listed.
const MAX_DIFFERENCES: usize = 1_000;

pub(super) fn compare(old: &ApiSchema, new: &ApiSchema) -> Comparison {
    let (old_read, new_read) = (ApiTypes::read(old), ApiTypes::read(new));
    let mut differences = Vec::new();
    if old.name != new.name {
        let renamed =
            Difference::new(Rule::ApiRenamed, "", Part::Api, format!("`{}`", old.name), format!("`{}`", new.name));
        let fails = Verdict::Fails { witness: None };
        differences.push(renamed.calls(fails.clone(), fails).events(Verdict::Mute, Verdict::Mute));
    }
    methods(old, new, (&old_read, &new_read), &mut differences);
    events(old, new, (&old_read, &new_read), &mut differences);
    let is_truncated = differences.len() > MAX_DIFFERENCES;
    differences.truncate(MAX_DIFFERENCES);
    Comparison { differences, is_truncated }
}

/// The members that were removed, added or renamed.
struct Moved<'n> {
    removed: Vec<&'n str>,
    added: Vec<&'n str>,
    renamed: Vec<(&'n str, &'n str)>,
}

fn moved<'n, T, U>(
    old: &'n BTreeMap<String, T>,
    new: &'n BTreeMap<String, U>,
    (old_types, new_types): (&ApiTypes, &ApiTypes),
) -> Moved<'n> {
    let gone: Vec<&str> = old.keys().filter(|name| !new.contains_key(*name)).map(String::as_str).collect();
    let come: Vec<&str> = new.keys().filter(|name| !old.contains_key(*name)).map(String::as_str).collect();
    let signatures = |names: Vec<&'n str>, types: &ApiTypes| -> Vec<_> {
        names.into_iter().map(|name| (name, types.signature(name))).collect()
    };
    let (gone, mut come) = (signatures(gone, old_types), signatures(come, new_types));
    let (mut removed, mut renamed) = (Vec::new(), Vec::new());
    for (name, signature) in &gone {
        let twins = gone.iter().filter(|(_, other)| other == signature).count();
        let candidates: Vec<usize> = (0..come.len()).filter(|at| come[*at].1 == *signature).collect();
        match (twins, candidates.as_slice()) {
            (1, [only]) => renamed.push((*name, come.remove(*only).0)),
            _ => removed.push(*name),
        }
    }
    Moved { removed, added: come.into_iter().map(|(name, _)| name).collect(), renamed }
}

const FAILS: Verdict = Verdict::Fails { witness: None };
const SOME: Verdict = Verdict::FailsForSome { witness: None };

fn methods(old: &ApiSchema, new: &ApiSchema, types: (&ApiTypes, &ApiTypes), differences: &mut Vec<Difference>) {
    let moved = moved(&old.methods, &new.methods, types);
    let nothing = || "nothing".to_owned();
    for name in moved.removed {
        let removed = Difference::new(Rule::MethodRemoved, name, Part::Method, "a method".to_owned(), nothing());
        differences.push(removed.calls(FAILS, Verdict::Compatible));
    }
    for name in moved.added {
        let added = Difference::new(Rule::MethodAdded, name, Part::Method, nothing(), "a method".to_owned());
        differences.push(added.calls(Verdict::Compatible, FAILS));
    }
    for (from, to) in moved.renamed {
        let (old, new) = (format!("`{from}`"), format!("`{to}`"));
        differences.push(Difference::new(Rule::MethodRenamed, from, Part::Method, old, new).calls(FAILS, FAILS));
    }
    for (name, method) in &old.methods {
        let Some(new_method) = new.methods.get(name) else { continue };
        differences.extend(method_itself(name, method, new_method));
        for part in [PartKey::Arguments, PartKey::Answer, PartKey::Error] {
            differences.extend(changes_of(types.0, types.1, name, part));
        }
    }
}

fn method_itself(name: &str, old: &MethodSchema, new: &MethodSchema) -> Vec<Difference> {
    let difference =
        |rule, old: &str, new: &str| Difference::new(rule, name, Part::Method, old.to_owned(), new.to_owned());
    let mut found = Vec::new();
    match (&old.error, &new.error) {
        (None, Some(_)) => {
            let added = difference(Rule::ErrorAdded, "no error", "an error");
            found.push(added.calls(SOME, Verdict::Compatible));
        }
        (Some(_), None) => {
            let removed = difference(Rule::ErrorRemoved, "an error", "no error");
            found.push(removed.calls(Verdict::Compatible, SOME));
        }
        _ => {}
    }
    if old.idempotent != new.idempotent {
        let words = |idempotent| if idempotent { "idempotent" } else { "not idempotent" };
        let changed = difference(Rule::IdempotentChanged, words(old.idempotent), words(new.idempotent));
        found.push(changed.calls(Verdict::Mute, Verdict::Compatible));
    }
    if old.timeout != new.timeout {
        let words = |timeout: Option<std::time::Duration>| {
            timeout.map_or_else(|| "the default".to_owned(), |timeout| shown(timeout).to_string())
        };
        let changed = difference(Rule::TimeoutChanged, &words(old.timeout), &words(new.timeout));
        found.push(changed.calls(Verdict::Compatible, Verdict::Mute));
    }
    found.extend(
        deprecated(name, Part::Method, &old.deprecated, &new.deprecated)
            .map(|changed| changed.calls(Verdict::Compatible, Verdict::Compatible)),
    );
    found
}

fn deprecated(name: &str, part: Part, old: &Option<String>, new: &Option<String>) -> Option<Difference> {
    let words = |note: &Option<String>| if note.is_some() { "deprecated" } else { "not deprecated" };
    (old.is_some() != new.is_some())
        .then(|| Difference::new(Rule::DeprecatedChanged, name, part, words(old).to_owned(), words(new).to_owned()))
}

fn events(old: &ApiSchema, new: &ApiSchema, types: (&ApiTypes, &ApiTypes), differences: &mut Vec<Difference>) {
    let moved = moved(&old.events, &new.events, types);
    let nothing = || "nothing".to_owned();
    for name in moved.removed {
        let removed = Difference::new(Rule::EventRemoved, name, Part::Event, "an event".to_owned(), nothing());
        differences.push(removed.events(Verdict::Mute, Verdict::Mute));
    }
    for name in moved.added {
        let added = Difference::new(Rule::EventAdded, name, Part::Event, nothing(), "an event".to_owned());
        differences.push(added.events(Verdict::Compatible, Verdict::Compatible));
    }
    for (from, to) in moved.renamed {
        let (old, new) = (format!("`{from}`"), format!("`{to}`"));
        let renamed = Difference::new(Rule::EventRenamed, from, Part::Event, old, new);
        differences.push(renamed.events(Verdict::Mute, Verdict::Mute));
    }
    for (name, event) in &old.events {
        let Some(new_event) = new.events.get(name) else { continue };
        differences.extend(event_itself(name, event, new_event));
        differences.extend(changes_of(types.0, types.1, name, PartKey::Fields));
    }
}

fn event_itself(name: &str, old: &EventSchema, new: &EventSchema) -> Option<Difference> {
    deprecated(name, Part::Event, &old.deprecated, &new.deprecated)
        .map(|changed| changed.events(Verdict::Compatible, Verdict::Compatible))
}

/// What changed about one type of a method or an event.
fn changes_of(old: &ApiTypes, new: &ApiTypes, member: &str, key: PartKey) -> Vec<Difference> {
    let (Some(old), Some(new)) = (old.get(member, key), new.get(member, key)) else { return Vec::new() };
    let part = match key {
        PartKey::Arguments => Part::Arguments,
        PartKey::Answer => Part::Answer,
        PartKey::Error => Part::Error,
        PartKey::Fields => Part::Fields,
    };
    changes(old, new).into_iter().map(|change| Difference::of_type(member, part, change)).collect()
}
