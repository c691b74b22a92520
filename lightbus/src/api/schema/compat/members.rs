//! Compares the methods and events of two versions of an API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::document::{ApiSchema, EventSchema, MethodSchema, TypeSchema};
use super::super::shape::{Contract, Hash, Id, Reader, Shapes, escaped, fingerprint};
use super::Comparison;
use super::change::{Type, changes};
use super::difference::{Difference, Part};
use super::rule::Rule;
use super::verdict::Verdict;
use crate::duration::shown;

/// How many differences are listed.
const MAX_DIFFERENCES: usize = 1_000;

pub(super) fn compare(old: &ApiSchema, new: &ApiSchema) -> Comparison {
    let (old_read, new_read) = (Version::read(old), Version::read(new));
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

/// The hash of an API: what can be called and subscribed to, and what goes over the wire.
pub(crate) fn hash(schema: &ApiSchema) -> u128 {
    let schema = &without_facts(schema);
    let version = Version::read(schema);
    let mut hash = Hash::new();
    hash.text(&schema.name);
    for (name, method) in &schema.methods {
        hash.text(name).number(u128::from(method.idempotent));
    }
    hash.text("events");
    schema.events.keys().for_each(|name| {
        hash.text(name);
    });
    for ((name, part), (written, read)) in &version.types {
        hash.text(name).text(part.name());
        hash.number(fingerprint(&version.shapes, *written)).number(fingerprint(&version.shapes, *read));
    }
    hash.finish()
}

/// The schema without what was found out about one decoder.
fn without_facts(schema: &ApiSchema) -> ApiSchema {
    let mut schema = schema.clone();
    schema.definitions.values_mut().for_each(remove_facts);
    let methods = schema.methods.values_mut();
    let types =
        methods.flat_map(|method| [Some(&mut method.arguments), Some(&mut method.returns), method.error.as_mut()]);
    for ty in types.flatten().chain(schema.events.values_mut().map(|event| &mut event.fields)) {
        for schema in [Some(&mut ty.read), ty.written.as_mut()].into_iter().flatten() {
            let mut value = std::mem::take(schema).to_value();
            remove_facts(&mut value);
            *schema = value.try_into().unwrap_or_default();
        }
    }
    schema
}

fn remove_facts(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|keyword, _| !keyword.starts_with("x-lightbus-"));
            object.values_mut().for_each(remove_facts);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_facts),
        _ => {}
    }
}

/// Every type of an API.
fn parts(schema: &ApiSchema) -> impl Iterator<Item = (&str, PartKey, &TypeSchema)> {
    let methods = schema.methods.iter().flat_map(|(name, method)| {
        let error = method.error.as_ref().map(|error| (PartKey::Error, error));
        let types = [(PartKey::Arguments, &method.arguments), (PartKey::Answer, &method.returns)];
        types.into_iter().chain(error).map(|(part, ty)| (name.as_str(), part, ty))
    });
    methods.chain(schema.events.iter().map(|(name, event)| (name.as_str(), PartKey::Fields, &event.fields)))
}

/// The types of one version, as shapes.
struct Version {
    shapes: Shapes,
    types: BTreeMap<(String, PartKey), (Id, Id)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PartKey {
    Arguments,
    Answer,
    Error,
    Fields,
}

impl PartKey {
    const fn name(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Answer => "returns",
            Self::Error => "error",
            Self::Fields => "fields",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Fields => "events",
            _ => "methods",
        }
    }

    const fn part(self) -> Part {
        match self {
            Self::Arguments => Part::Arguments,
            Self::Answer => Part::Answer,
            Self::Error => Part::Error,
            Self::Fields => Part::Fields,
        }
    }
}

impl Version {
    fn read(schema: &ApiSchema) -> Self {
        let mut reader = Reader::new(&schema.definitions);
        let mut types = BTreeMap::new();
        for (member, part, ty) in parts(schema) {
            let pointer = format!("/{}/{}/{}", part.kind(), escaped(member), part.name());
            types.insert((member.to_owned(), part), Self::of(ty, &pointer, &mut reader));
        }
        Self { shapes: reader.finish(), types }
    }

    fn of<'d>(ty: &'d TypeSchema, pointer: &str, reader: &mut Reader<'d>) -> (Id, Id) {
        let read = reader.read(ty.read.as_value(), pointer, Contract::Read);
        let written = reader.read(ty.written().as_value(), pointer, Contract::Written);
        (written, read)
    }

    fn get(&self, member: &str, part: PartKey) -> Option<Type<'_>> {
        let (written, read) = *self.types.get(&(member.to_owned(), part))?;
        Some(Type { shapes: &self.shapes, written, read })
    }

    /// What tells two members of different names apart.
    fn signature(&self, member: &str) -> Vec<(PartKey, u128, u128)> {
        const PARTS: [PartKey; 4] = [PartKey::Arguments, PartKey::Answer, PartKey::Error, PartKey::Fields];
        let fingerprints = |part| {
            let ty = self.get(member, part)?;
            Some((part, fingerprint(ty.shapes, ty.written), fingerprint(ty.shapes, ty.read)))
        };
        PARTS.into_iter().filter_map(fingerprints).collect()
    }

    fn changes(old: &Self, new: &Self, member: &str, part: PartKey) -> Vec<Difference> {
        let (Some(old), Some(new)) = (old.get(member, part), new.get(member, part)) else { return Vec::new() };
        changes(old, new).into_iter().map(|change| Difference::of_type(member, part.part(), change)).collect()
    }
}

/// Which members are gone, which have come, and which of them are the same under another name.
struct Moved<'n> {
    removed: Vec<&'n str>,
    added: Vec<&'n str>,
    renamed: Vec<(&'n str, &'n str)>,
}

fn moved<'n, T, U>(
    old: &'n BTreeMap<String, T>,
    new: &'n BTreeMap<String, U>,
    (old_types, new_types): (&Version, &Version),
) -> Moved<'n> {
    let gone: Vec<&str> = old.keys().filter(|name| !new.contains_key(*name)).map(String::as_str).collect();
    let come: Vec<&str> = new.keys().filter(|name| !old.contains_key(*name)).map(String::as_str).collect();
    let signatures = |names: Vec<&'n str>, types: &Version| -> Vec<_> {
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

fn methods(old: &ApiSchema, new: &ApiSchema, types: (&Version, &Version), differences: &mut Vec<Difference>) {
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
            differences.extend(Version::changes(types.0, types.1, name, part));
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

fn events(old: &ApiSchema, new: &ApiSchema, types: (&Version, &Version), differences: &mut Vec<Difference>) {
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
        differences.extend(Version::changes(types.0, types.1, name, PartKey::Fields));
    }
}

fn event_itself(name: &str, old: &EventSchema, new: &EventSchema) -> Option<Difference> {
    deprecated(name, Part::Event, &old.deprecated, &new.deprecated)
        .map(|changed| changed.events(Verdict::Compatible, Verdict::Compatible))
}
