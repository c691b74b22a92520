//! Makes values from a schema, changes one place at a time, and looks at what the decoder makes of them.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::facts::Fact;
use super::steps::{Step, get, names_path, place, set};
use super::{Names, Probe, Refusal};
use crate::api::schema::shape::{
    Id, Shape, Shapes, Struct, Tagging, Text, Union, accepts, example, of_variant, rich, tagged,
};

/// How many values one type's decoder is given.
const MAX_VALUES: usize = 2_000;

/// How deeply a type is looked into.
const MAX_DEPTH: usize = 24;

/// How many places may be other than the schema says before it is given up.
const MAX_REPAIRS: usize = 16;

/// A name that no enum has.
const UNKNOWN: &str = "x-lightbus-unknown";

pub(super) struct Prober<'p> {
    shapes: &'p Shapes,
    probe: &'p Probe,
    /// The places that were looked at, for this type or for others.
    known: &'p mut HashSet<String>,
    seen: HashSet<Id>,
    left: usize,
    facts: Vec<Fact>,
    names: Names,
}

impl<'p> Prober<'p> {
    pub(super) fn new(shapes: &'p Shapes, probe: &'p Probe, known: &'p mut HashSet<String>) -> Self {
        Self { shapes, probe, known, seen: HashSet::new(), left: MAX_VALUES, facts: Vec::new(), names: Names::new() }
    }

    pub(super) fn facts(mut self, read: Id, written: Id) -> Vec<Fact> {
        let Some((value, again)) = self.start(read) else { return self.facts };
        self.written(written, &again, 0);
        self.visit(read, &mut Vec::new(), &value);
        self.facts
    }

    /// A value that the decoder takes, and what is encoded of it.
    fn start(&mut self, read: Id) -> Option<(Value, Value)> {
        let sizes = [6, 3, 1, 0];
        let values: Vec<Value> = sizes.into_iter().filter_map(|size| rich(self.shapes, read, size)).collect();
        for value in &values {
            if let Ok(again) = self.run(value) {
                return Some((value.clone(), again));
            }
        }
        values.into_iter().next().and_then(|value| self.repaired(read, value))
    }

    fn run(&mut self, value: &Value) -> Result<Value, Refusal> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Refusal { path: String::new(), reason: String::new() });
        };
        self.left = left;
        self.probe.run(value)
    }

    fn takes(&mut self, value: &Value) -> bool {
        self.run(value).is_ok()
    }

    /// Where the schema says something else than the decoder takes, other kinds of values are tried.
    fn repaired(&mut self, read: Id, mut value: Value) -> Option<(Value, Value)> {
        for _ in 0..MAX_REPAIRS {
            let refusal = match self.run(&value) {
                Ok(again) => return Some((value, again)),
                Err(refusal) => refusal,
            };
            let steps = place(&value, &refusal.path)?;
            let id = self.follow(read, &steps, &value)?;
            let mut kinds = Vec::new();
            let mut taken = None;
            for candidate in candidates() {
                let changed = set(&value, &steps, candidate.clone());
                let is_taken = match self.run(&changed) {
                    Ok(_) => true,
                    Err(other) => other.path != refusal.path,
                };
                if is_taken {
                    taken.get_or_insert(changed);
                    let kind = kind(&candidate);
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
            }
            value = taken?;
            self.facts.push(Fact::Takes { pointer: self.shapes.node(id).pointer.clone(), kinds });
        }
        None
    }

    /// The shape of a part of a value.
    fn follow(&self, root: Id, steps: &[Step], value: &Value) -> Option<Id> {
        let (mut id, mut value) = (root, value);
        for step in steps {
            let inner = get(value, std::slice::from_ref(step))?;
            id = self.step(id, step, value, 0)?;
            value = inner;
        }
        match self.shapes.get(id) {
            Shape::Nullable(inner) => Some(*inner),
            _ => Some(id),
        }
    }

    fn step(&self, id: Id, step: &Step, value: &Value, depth: usize) -> Option<Id> {
        if depth > MAX_DEPTH {
            return None;
        }
        match (self.shapes.get(id), step) {
            (Shape::Nullable(inner), _) => self.step(*inner, step, value, depth + 1),
            (Shape::Struct(shape), Step::Key(name)) => shape.fields.get(name).map(|field| field.shape),
            (Shape::Map { value, .. }, Step::Key(_)) => Some(*value),
            (Shape::List { item, .. } | Shape::Array { item, .. }, Step::Index(_)) => Some(*item),
            (Shape::Tuple(items), Step::Index(index)) => items.get(*index).copied(),
            (Shape::Union(union), Step::Key(name)) => match &union.tagging {
                Tagging::External => {
                    union.variants.iter().find(|variant| variant.name == *name).map(|each| each.content)
                }
                Tagging::Internal(tag) => {
                    let variant = value.get(tag)?.as_str()?;
                    let variant = union.variants.iter().find(|each| each.name == variant)?;
                    self.step(variant.content, step, value, depth + 1)
                }
                Tagging::Untagged => None,
            },
            _ => None,
        }
    }

    /// Where the encoder writes another kind of value than the schema says.
    fn written(&mut self, id: Id, value: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let shapes = self.shapes;
        match (shapes.get(id), value) {
            (Shape::Nullable(_), Value::Null) | (Shape::Any | Shape::Opaque(_) | Shape::Union(_), _) => {}
            (Shape::Nullable(inner), value) => self.written(*inner, value, depth + 1),
            (Shape::Struct(shape), Value::Object(fields)) => {
                for (name, field) in &shape.fields {
                    if let Some(value) = fields.get(name) {
                        self.written(field.shape, value, depth + 1);
                    }
                }
            }
            (Shape::List { item, .. }, Value::Array(items)) => {
                items.iter().take(1).for_each(|value| self.written(*item, value, depth + 1));
            }
            (Shape::Text(_), Value::String(_))
            | (Shape::Map { .. }, Value::Object(_))
            | (Shape::Tuple(_) | Shape::Array { .. }, Value::Array(_)) => {}
            (_, value) if accepts(shapes, id, value) => {}
            (_, value) => {
                let pointer = shapes.node(id).pointer.clone();
                self.facts.push(Fact::Writes { pointer, kind: kind(value) });
            }
        }
    }

    fn visit(&mut self, id: Id, steps: &mut Vec<Step>, whole: &Value) {
        let id = self.shapes.resolve(id);
        let pointer = self.shapes.node(id).pointer.clone();
        let is_shared = pointer.starts_with("/$defs/");
        if steps.len() > MAX_DEPTH || !self.seen.insert(id) || is_shared && self.known.contains(&pointer) {
            return;
        }
        let Some(value) = get(whole, steps).cloned() else { return };
        let shapes = self.shapes;
        match (shapes.get(id), &value) {
            (Shape::Nullable(inner), value) if !value.is_null() => self.visit(*inner, steps, whole),
            (Shape::Struct(shape), Value::Object(fields)) => {
                self.structure(shape, &pointer, (steps, whole, fields));
                for (name, field) in shape.fields.iter().filter(|(name, _)| fields.contains_key(*name)) {
                    self.inside(field.shape, Step::Key(name.clone()), steps, whole);
                }
            }
            (Shape::Union(union), _) if union.tagging != Tagging::Untagged => self.union(union, &pointer, steps, whole),
            (Shape::List { item, .. } | Shape::Array { item, .. }, Value::Array(items)) if !items.is_empty() => {
                self.inside(*item, Step::Index(0), steps, whole);
            }
            (Shape::Tuple(shapes), Value::Array(_)) => {
                for (index, shape) in shapes.iter().enumerate() {
                    self.inside(*shape, Step::Index(index), steps, whole);
                }
            }
            (Shape::Map { value, .. }, Value::Object(entries)) => {
                if let Some(name) = entries.keys().next() {
                    self.inside(*value, Step::Key(name.clone()), steps, whole);
                }
            }
            (Shape::Text(text @ (Text::Char | Text::Format(_))), _) => {
                let other = if *text == Text::Char { "two" } else { UNKNOWN };
                if self.takes(&set(whole, steps, json!(other))) {
                    self.facts.push(Fact::NotEnforced { pointer: pointer.clone() });
                }
            }
            (Shape::Integer(range), _) if range.nonzero && self.takes(&set(whole, steps, json!(0))) => {
                self.facts.push(Fact::NotEnforced { pointer: pointer.clone() });
            }
            (Shape::Any, _) => self.anything(&pointer, steps, whole),
            _ => {}
        }
        if is_shared && self.left > 0 {
            self.known.insert(pointer);
        }
    }

    fn inside(&mut self, id: Id, step: Step, steps: &mut Vec<Step>, whole: &Value) {
        steps.push(step);
        self.visit(id, steps, whole);
        steps.pop();
    }

    fn structure(
        &mut self,
        shape: &Struct,
        pointer: &str,
        (steps, whole, fields): (&[Step], &Value, &Map<String, Value>),
    ) {
        for (name, field) in &shape.fields {
            if field.required || !fields.contains_key(name) {
                continue;
            }
            let mut fewer = fields.clone();
            fewer.remove(name);
            if !self.takes(&set(whole, steps, Value::Object(fewer))) {
                self.facts.push(Fact::Demands { pointer: pointer.to_owned(), field: name.clone() });
            }
        }
        if let Ok(names) = self.probe.run_with_names(whole) {
            self.names = names;
        }
        let names = self.names.get(&names_path(steps)).cloned().unwrap_or_default();
        for alias in names.into_iter().filter(|name| !shape.fields.contains_key(*name)).take(64) {
            self.alias(alias, pointer, (steps, whole, fields));
        }
    }

    /// Which field has this other name.
    fn alias(&mut self, alias: &str, pointer: &str, (steps, whole, fields): (&[Step], &Value, &Map<String, Value>)) {
        let Ok(again) = self.run(whole) else { return };
        for (name, value) in fields {
            let mut other = fields.clone();
            other.remove(name);
            other.insert(alias.to_owned(), value.clone());
            // Whatever is read under the other name is written under its own.
            if self.run(&set(whole, steps, Value::Object(other))).is_ok_and(|other| other == again)
                && !self.run(&set(whole, steps, Value::Object(without(fields, name)))).is_ok_and(|other| other == again)
            {
                let (name, alias) = (name.clone(), alias.to_owned());
                self.facts.push(Fact::Alias { pointer: pointer.to_owned(), name, alias });
                return;
            }
        }
    }

    fn union(&mut self, union: &Union, pointer: &str, steps: &mut Vec<Step>, whole: &Value) {
        let external = union.tagging == Tagging::External;
        let unknown = match &union.tagging {
            Tagging::Internal(tag) => json!({ tag.as_str(): UNKNOWN }),
            _ => json!(UNKNOWN),
        };
        match self.run(&set(whole, steps, unknown)) {
            Ok(again) => {
                let variant = get(&again, steps).and_then(|value| variant_name(value, &union.tagging));
                if let Some(variant) = variant {
                    self.facts.push(Fact::Other { pointer: pointer.to_owned(), variant });
                }
            }
            Err(refusal) => self.variant_aliases(union, pointer, &refusal.reason, (steps, whole)),
        }
        for (index, variant) in union.variants.iter().enumerate().filter(|(_, variant)| !variant.unit) {
            let content = rich(self.shapes, variant.content, 2)
                .and_then(|content| tagged(&union.tagging, &variant.name, content));
            let Some(value) = content.or_else(|| of_variant(self.shapes, union, index)) else { continue };
            let whole = set(whole, steps, value);
            if !self.takes(&whole) {
                continue;
            }
            if external {
                self.inside(variant.content, Step::Key(variant.name.clone()), steps, &whole);
            } else {
                self.visit(variant.content, steps, &whole);
            }
        }
    }

    /// serde names all variants, with their aliases, when it does not know one.
    fn variant_aliases(&mut self, union: &Union, pointer: &str, reason: &str, (steps, whole): (&[Step], &Value)) {
        let names: Vec<&str> = reason.split('`').skip(3).step_by(2).collect();
        let is_new = |name: &&str| !union.variants.iter().any(|variant| variant.name == *name);
        for alias in names.into_iter().filter(is_new).take(64) {
            for (index, variant) in union.variants.iter().enumerate() {
                let Some(value) = of_variant(self.shapes, union, index) else { continue };
                let renamed = match (&union.tagging, value) {
                    (_, Value::String(_)) => json!(alias),
                    (Tagging::Internal(tag), Value::Object(mut fields)) => {
                        fields.insert(tag.clone(), json!(alias));
                        Value::Object(fields)
                    }
                    (_, Value::Object(fields)) => json!({ alias: fields.values().next() }),
                    _ => continue,
                };
                let Ok(again) = self.run(&set(whole, steps, renamed)) else { continue };
                let name = get(&again, steps).and_then(|value| variant_name(value, &union.tagging));
                if name.as_deref() == Some(&variant.name) {
                    let (name, alias) = (variant.name.clone(), alias.to_owned());
                    self.facts.push(Fact::Alias { pointer: pointer.to_owned(), name, alias });
                    break;
                }
            }
        }
    }

    /// A schema that allows anything may belong to a decoder that does not.
    fn anything(&mut self, pointer: &str, steps: &[Step], whole: &Value) {
        let mut kinds = Vec::new();
        let mut refused = false;
        for candidate in candidates() {
            if self.takes(&set(whole, steps, candidate.clone())) {
                let kind = kind(&candidate);
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            } else {
                refused = true;
            }
        }
        if refused && !kinds.is_empty() {
            self.facts.push(Fact::Takes { pointer: pointer.to_owned(), kinds });
        }
    }
}

/// One value of each kind, and text of the usual formats.
fn candidates() -> Vec<Value> {
    let formats = ["date", "date-time", "uuid", "ip", "duration", "uri"];
    let plain = [json!(1), json!(1.5), json!("text"), json!("1"), json!(true), json!(null), json!([]), json!({})];
    plain.into_iter().chain(formats.map(|format| json!(example(format)))).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn variant_name(value: &Value, tagging: &Tagging) -> Option<String> {
    match (tagging, value) {
        (Tagging::External, Value::String(name)) => Some(name.clone()),
        (Tagging::External, Value::Object(entries)) => entries.keys().next().cloned(),
        (Tagging::Internal(tag), value) => value.get(tag).and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

fn without(fields: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut fields = fields.clone();
    fields.remove(name);
    fields
}
