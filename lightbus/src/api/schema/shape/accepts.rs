//! What a decoder does with one value, as far as its shape says.

use std::collections::HashSet;

use serde_json::Value;

use super::sample::example;
use super::{Field, Id, Integer, Key, Rest, Shape, Shapes, Struct, Tagging, Text, Union};

/// How many steps are taken before the answer is "no": untagged enums within each other are tried one by one.
const MAX_STEPS: usize = 20_000;

/// How deeply shapes are followed, where they may hold themselves.
const MAX_DEPTH: usize = 150;

/// Whether the reader of a shape decodes the value.
pub(crate) fn accepts(shapes: &Shapes, id: Id, value: &Value) -> bool {
    Decoder { shapes, left: MAX_STEPS, depth: 0 }.takes(id, value)
}

struct Decoder<'s> {
    shapes: &'s Shapes,
    left: usize,
    depth: usize,
}

impl Decoder<'_> {
    fn takes(&mut self, id: Id, value: &Value) -> bool {
        if self.left == 0 || self.depth == MAX_DEPTH {
            return false;
        }
        self.left -= 1;
        self.depth += 1;
        let is_taken = self.takes_as(id, value);
        self.depth -= 1;
        is_taken
    }

    fn takes_as(&mut self, id: Id, value: &Value) -> bool {
        let shapes = self.shapes;
        match (shapes.get(id), value) {
            (Shape::Any, _) | (Shape::Null | Shape::Nullable(_), Value::Null) => true,
            (Shape::Nullable(inner), value) => self.takes(*inner, value),
            (Shape::Bool, Value::Bool(_)) => true,
            (Shape::Integer(range), Value::Number(number)) => {
                number.as_i128().is_some_and(|number| is_within(range, number))
            }
            (Shape::Float { .. } | Shape::Number, Value::Number(_)) => true,
            (Shape::Text(text), Value::String(value)) => is_text(text, value),
            (Shape::Choice(values), value) => values.contains(value),
            (Shape::List { item, .. }, Value::Array(items)) => items.iter().all(|each| self.takes(*item, each)),
            (Shape::Array { item, length }, Value::Array(items)) => {
                items.len() as u64 == *length && items.iter().all(|each| self.takes(*item, each))
            }
            (Shape::Tuple(shapes), Value::Array(items)) => {
                items.len() == shapes.len() && shapes.iter().zip(items).all(|(shape, item)| self.takes(*shape, item))
            }
            (Shape::Map { key, value: shape }, Value::Object(entries)) => {
                entries.iter().all(|(name, value)| is_key(*key, name) && self.takes(*shape, value))
            }
            (Shape::Struct(shape), Value::Object(entries)) => self.structure(shape, entries),
            (Shape::Union(union), value) => self.union(union, value),
            _ => false,
        }
    }

    fn structure(&mut self, shape: &Struct, entries: &serde_json::Map<String, Value>) -> bool {
        let found = |name: &str, field: &Field| {
            entries.get(name).or_else(|| field.aliases.iter().find_map(|alias| entries.get(alias)))
        };
        for (name, field) in &shape.fields {
            match found(name, field) {
                Some(value) if !self.takes(field.shape, value) => return false,
                None if field.required => return false,
                _ => {}
            }
        }
        if shape.rest == Rest::Ignored {
            return true;
        }
        let aliases: HashSet<&String> = shape.fields.values().flat_map(|field| &field.aliases).collect();
        let known = |name: &String| shape.fields.contains_key(name) || aliases.contains(name);
        match shape.rest {
            Rest::Ignored => true,
            Rest::Refused => entries.keys().all(known),
            Rest::Kept(rest) => entries.iter().all(|(name, value)| known(name) || self.takes(rest, value)),
        }
    }

    fn union(&mut self, union: &Union, value: &Value) -> bool {
        let named = |name: &str| union.variants.iter().find(|variant| variant.is_named(name));
        match (&union.tagging, value) {
            (Tagging::Untagged, value) => union.variants.iter().any(|variant| self.takes(variant.content, value)),
            (Tagging::External, Value::String(name)) => match named(name) {
                Some(variant) => variant.unit,
                None => union.other.is_some(),
            },
            (Tagging::External, Value::Object(entries)) if entries.len() == 1 => {
                entries.iter().next().is_some_and(|(name, content)| match named(name) {
                    Some(variant) => self.takes(variant.content, content),
                    None => union.other.is_some() && content.is_null(),
                })
            }
            (Tagging::Internal(tag), Value::Object(entries)) => {
                let Some(Value::String(name)) = entries.get(tag) else { return false };
                match named(name) {
                    Some(variant) => {
                        let mut content = entries.clone();
                        content.remove(tag);
                        self.takes(variant.content, &Value::Object(content))
                    }
                    None => union.other.is_some(),
                }
            }
            _ => false,
        }
    }
}

pub(crate) fn is_within(range: &Integer, number: i128) -> bool {
    number >= range.min && number <= range.max && !(number == 0 && range.nonzero)
}

pub(crate) fn is_key(key: Key, name: &str) -> bool {
    match key {
        Key::Text => true,
        Key::Integer { signed: false } => name.parse::<u64>().is_ok(),
        Key::Integer { signed: true } => name.parse::<i64>().is_ok(),
    }
}

fn is_text(text: &Text, value: &str) -> bool {
    match text {
        Text::Free => true,
        Text::Char => value.chars().count() == 1,
        // The parsers are not at hand. Their own examples pass, and what they write.
        Text::Format(format) => covers(format, value),
    }
}

fn covers(format: &str, value: &str) -> bool {
    let formats: &[&str] = match format {
        "ip" => &["ipv4", "ipv6"],
        _ => &[format],
    };
    formats.iter().any(|format| example(format) == value)
}
