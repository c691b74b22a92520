//! Enums, in each of serde's representations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::keywords::{Object, escaped};
use super::reader::Reader;
use super::variants::{aliases, other, unit, untagged};
use super::{Field, Shape, Struct, Tagging, Union, Variant};

/// How many variants are read. An enum with more is opaque.
const MAX_VARIANTS: usize = 2_000;

impl<'d> Reader<'d> {
    /// `oneOf` and `anyOf` without fields beside them.
    pub(super) fn union(&mut self, object: &'d Object, pointer: &str, depth: usize) -> Option<Shape> {
        let (keyword, choices) = match (object.get("oneOf"), object.get("anyOf")) {
            (Some(Value::Array(choices)), None) => ("oneOf", choices),
            (None, Some(Value::Array(choices))) => ("anyOf", choices),
            _ => return None,
        };
        let at = |index: usize| format!("{pointer}/{keyword}/{index}");
        let is_null = |choice: &Value| choice.get("type").and_then(Value::as_str) == Some("null");
        match choices.as_slice() {
            [] => return Some(Shape::Never),
            [only] if keyword == "anyOf" => return Some(Shape::Alias(self.add(only, &at(0), depth + 1))),
            [some, null] if is_null(null) => {
                return Some(Shape::Nullable(self.add(some, &at(0), depth + 1)));
            }
            many if many.len() > MAX_VARIANTS => return None,
            _ => {}
        }
        if keyword == "oneOf" {
            if let Some(shape) = self.external(object, choices, pointer, depth) {
                return Some(shape);
            }
            if let Some(tag) = tag(choices) {
                return self.internal(object, choices, tag, pointer, depth);
            }
        }
        let mut variants = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            let title = choice.get("title").and_then(Value::as_str);
            let name = title.map_or_else(|| format!("variant {}", index + 1), str::to_owned);
            variants.push((name, self.add(choice, &at(index), depth + 1)));
        }
        Some(untagged(variants))
    }

    fn external(&mut self, facts: &Object, choices: &'d [Value], pointer: &str, depth: usize) -> Option<Shape> {
        // Looked at before anything is added: other representations begin alike.
        for choice in choices {
            unit_names(choice).map(|_| ()).or_else(|| single_property(choice).map(|_| ()))?;
        }
        let null = self.push(Shape::Null, pointer);
        let mut variants = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            if let Some(names) = unit_names(choice) {
                variants.extend(names.into_iter().map(|name| unit(name, null, facts)));
            } else if let Some((name, content)) = single_property(choice) {
                let pointer = format!("{pointer}/oneOf/{index}/properties/{}", escaped(name));
                let content = self.add(content, &pointer, depth + 1);
                variants.push(Variant { name: name.to_owned(), content, unit: false, aliases: aliases(facts, name) });
            }
        }
        Some(Shape::Union(Union { tagging: Tagging::External, variants, other: other(facts) }))
    }

    fn internal(
        &mut self,
        facts: &Object,
        choices: &'d [Value],
        tag: &str,
        pointer: &str,
        depth: usize,
    ) -> Option<Shape> {
        let mut variants = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            let object = choice.as_object()?;
            let pointer = format!("{pointer}/oneOf/{index}");
            let shape = if object.contains_key("$ref") || object.contains_key("allOf") {
                self.merged(choice, object, &pointer, depth + 1)
            } else {
                Shape::Struct(self.structure(object, &pointer, depth + 1))
            };
            let Shape::Struct(Struct { fields, rest }) = shape else { return None };
            let name = tag_value(choice, tag)?.to_owned();
            let content = Shape::Struct(Struct { fields: without(&fields, tag), rest });
            let unit = is_empty(&content);
            let aliases = aliases(facts, &name);
            variants.push(Variant { name, content: self.push(content, &pointer), unit, aliases });
        }
        Some(Shape::Union(Union { tagging: Tagging::Internal(tag.to_owned()), variants, other: other(facts) }))
    }

    /// The variants of an enum that is flattened into a struct, with the fields of the struct.
    pub(super) fn alternatives(
        &mut self,
        alternatives: Vec<(String, Struct)>,
        choices: &'d [Value],
        pointer: &str,
    ) -> Shape {
        let Some(tag) = tag(choices) else {
            let variants: Vec<_> = alternatives
                .into_iter()
                .map(|(name, variant)| (name, self.push(Shape::Struct(variant), pointer)))
                .collect();
            return untagged(variants);
        };
        let mut variants = Vec::new();
        for ((_, variant), choice) in alternatives.into_iter().zip(choices) {
            let name = tag_value(choice, tag).unwrap_or_default().to_owned();
            let content = Shape::Struct(Struct { fields: without(&variant.fields, tag), rest: variant.rest });
            variants.push(Variant { name, content: self.push(content, pointer), unit: false, aliases: Vec::new() });
        }
        Shape::Union(Union { tagging: Tagging::Internal(tag.to_owned()), variants, other: None })
    }
}

/// The names of unit variants, which share an `enum` unless they are documented.
fn unit_names(choice: &Value) -> Option<Vec<&str>> {
    if let Some(name) = choice.get("const") {
        return name.as_str().map(|name| vec![name]);
    }
    choice.get("enum")?.as_array()?.iter().map(Value::as_str).collect()
}

/// The name and the content of a variant: an object of exactly one property.
fn single_property(choice: &Value) -> Option<(&str, &Value)> {
    let properties = choice.get("properties")?.as_object()?;
    let (name, content) = properties.iter().next().filter(|_| properties.len() == 1)?;
    let required = choice.get("required")?.as_array()?;
    let plain = !choice.as_object()?.contains_key("$ref") && content.get("const").is_none();
    (plain && required.len() == 1 && required[0].as_str() == Some(name)).then_some((name, content))
}

/// The property that names the variant in all of them.
fn tag(choices: &[Value]) -> Option<&str> {
    let properties = choices.first()?.get("properties")?.as_object()?;
    properties.keys().map(String::as_str).find(|name| choices.iter().all(|choice| tag_value(choice, name).is_some()))
}

fn tag_value<'c>(choice: &'c Value, tag: &str) -> Option<&'c str> {
    let property = choice.get("properties")?.get(tag)?;
    property.get("const").and_then(Value::as_str)
}

/// The fields but one.
fn without(fields: &BTreeMap<String, Field>, name: &str) -> BTreeMap<String, Field> {
    fields
        .iter()
        .filter(|(field, _)| field.as_str() != name)
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect()
}

/// The content of a variant that has nothing but its tag.
fn is_empty(shape: &Shape) -> bool {
    matches!(shape, Shape::Struct(content) if content.fields.is_empty())
}
