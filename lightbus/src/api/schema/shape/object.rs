//! Objects: structs, maps, and structs that others are flattened into.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::keywords::{Object, escaped, is_annotation, too_large};
use super::reader::{Contract, Reader};
use super::{Field, Key, Rest, Shape, Struct};

/// How many schemas are merged into one struct.
const MAX_PARTS: usize = 256;

/// Keywords of a schema that can be merged into another one.
const MERGEABLE: &[&str] =
    &["type", "properties", "required", "additionalProperties", "unevaluatedProperties", "$ref", "allOf"];

impl<'d> Reader<'d> {
    pub(super) fn object(&mut self, object: &'d Object, pointer: &str, depth: usize) -> Option<Shape> {
        const KNOWN: &[&str] = &[
            "type",
            "format",
            "properties",
            "required",
            "additionalProperties",
            "unevaluatedProperties",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "propertyNames",
        ];
        if !object.keys().all(|key| KNOWN.contains(&key.as_str()) || is_annotation(key)) {
            return None;
        }
        if let Some(Value::Object(patterns)) = object.get("patternProperties") {
            let (pattern, value) = patterns.iter().next().filter(|_| patterns.len() == 1)?;
            let signed = match pattern.as_str() {
                r"^\d+$" => false,
                r"^-?\d+$" => true,
                _ => return None,
            };
            let value = self.add(value, &format!("{pointer}/patternProperties/{}", escaped(pattern)), depth + 1);
            return Some(Shape::Map { key: Key::Integer { signed }, value });
        }
        let has_fields = object.get("properties").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
        match object.get("additionalProperties") {
            Some(value) if !has_fields && *value != Value::Bool(false) => {
                let value = self.add(value, &format!("{pointer}/additionalProperties"), depth + 1);
                Some(Shape::Map { key: Key::Text, value })
            }
            _ => Some(Shape::Struct(self.structure(object, pointer, depth))),
        }
    }

    pub(super) fn structure(&mut self, object: &'d Object, pointer: &str, depth: usize) -> Struct {
        let names = |keyword: &str| -> HashSet<&'d str> {
            let names = object.get(keyword).and_then(Value::as_array);
            names.into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (mut required, demanded) = (names("required"), names("x-lightbus-demands"));
        if self.contract == Contract::Read {
            required.extend(demanded);
        }
        let aliases = object.get("x-lightbus-aliases").and_then(Value::as_object);
        let mut fields = BTreeMap::new();
        for (name, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if self.is_full() {
                break;
            }
            let aliases = aliases.and_then(|aliases| aliases.get(name)).and_then(Value::as_array);
            let field = Field {
                shape: self.add(schema, &format!("{pointer}/properties/{}", escaped(name)), depth + 1),
                required: required.contains(name.as_str()),
                default: schema.get("default").cloned(),
                aliases: aliases.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            };
            fields.insert(name.clone(), field);
        }
        let refuses = |keyword: &str| object.get(keyword) == Some(&Value::Bool(false));
        let rest = match object.get("additionalProperties") {
            _ if refuses("additionalProperties") || refuses("unevaluatedProperties") => Rest::Refused,
            Some(Value::Object(_)) => match object.get("additionalProperties") {
                Some(values) => Rest::Kept(self.add(values, &format!("{pointer}/additionalProperties"), depth + 1)),
                None => Rest::Ignored,
            },
            Some(Value::Bool(true)) => Rest::Kept(self.push(Shape::Any, pointer)),
            _ => Rest::Ignored,
        };
        Struct { fields, rest }
    }

    /// A struct that others are flattened into: their fields belong to it.
    pub(super) fn merged(&mut self, schema: &'d Value, object: &'d Object, pointer: &str, depth: usize) -> Shape {
        let mut parts = Parts::default();
        if self.collect(object, pointer, &mut parts).is_none() {
            return Shape::Opaque(schema.clone());
        }
        let mut whole = Struct { fields: BTreeMap::new(), rest: Rest::Ignored };
        for (part, pointer) in &parts.objects {
            let part = self.structure(part, pointer, depth);
            whole.fields.extend(part.fields);
            if part.rest != Rest::Ignored {
                whole.rest = part.rest;
            }
        }
        let Some((choices, keyword, at)) = parts.union.as_ref().map(|(object, keyword, at)| (*object, *keyword, at))
        else {
            return Shape::Struct(whole);
        };
        // A flattened enum: each variant has the fields of the struct as well.
        let mut alternatives = Vec::new();
        for (index, choice) in choices.iter().enumerate().take(MAX_PARTS) {
            let pointer = format!("{at}/{keyword}/{index}");
            let Value::Object(object) = choice else { return Shape::Opaque(schema.clone()) };
            let mut inner = Parts::default();
            if self.collect(object, &pointer, &mut inner).is_none() || inner.union.is_some() {
                return Shape::Opaque(schema.clone());
            }
            self.spend(whole.fields.len());
            if self.is_full() {
                return Shape::Opaque(too_large());
            }
            let mut variant = whole.clone();
            for (part, pointer) in &inner.objects {
                variant.fields.extend(self.structure(part, pointer, depth).fields);
            }
            let title = object.get("title").and_then(Value::as_str);
            alternatives.push((title.map_or_else(|| format!("variant {}", index + 1), str::to_owned), variant));
        }
        self.alternatives(alternatives, choices, pointer)
    }

    fn collect(&self, object: &'d Object, pointer: &str, parts: &mut Parts<'d>) -> Option<()> {
        let mut waiting = vec![(object, Cow::<str>::Owned(pointer.to_owned()))];
        while let Some((object, pointer)) = waiting.pop() {
            parts.count += 1;
            if parts.count > MAX_PARTS {
                return None;
            }
            let choice = ["oneOf", "anyOf"].into_iter().find(|keyword| object.contains_key(*keyword));
            let known = |key: &str| MERGEABLE.contains(&key) || is_annotation(key) || choice == Some(key);
            if !object.keys().all(|key| known(key)) {
                return None;
            }
            if let Some(keyword) = choice {
                let choices = object.get(keyword).and_then(Value::as_array)?;
                if parts.union.replace((choices, keyword, pointer.to_string())).is_some() {
                    return None;
                }
            }
            if let Some(reference) = object.get("$ref") {
                let (name, schema) = self.definition(reference.as_str()?)?;
                waiting.push((schema.as_object()?, format!("/$defs/{}", escaped(name)).into()));
            }
            for (index, part) in object.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
                waiting.push((part.as_object()?, format!("{pointer}/allOf/{index}").into()));
            }
            parts.objects.push((object, pointer.to_string()));
        }
        Some(())
    }
}

#[derive(Default)]
struct Parts<'d> {
    objects: Vec<(&'d Map<String, Value>, String)>,
    union: Option<(&'d Vec<Value>, &'static str, String)>,
    count: usize,
}
