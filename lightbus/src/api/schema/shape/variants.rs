//! Variants of enums, with what the probe found out about them.

use serde_json::Value;

use super::keywords::Object;
use super::{Id, Shape, Tagging, Union, Variant};

/// An enum of unit variants.
pub(super) fn units<'n>(names: impl Iterator<Item = &'n str>, null: Id, facts: &Object) -> Shape {
    let variants = names.map(|name| unit(name, null, facts)).collect();
    Shape::Union(Union { tagging: Tagging::External, variants, other: other(facts) })
}

pub(super) fn unit(name: &str, null: Id, facts: &Object) -> Variant {
    Variant { name: name.to_owned(), content: null, unit: true, aliases: aliases(facts, name) }
}

pub(super) fn untagged(variants: impl IntoIterator<Item = (String, Id)>) -> Shape {
    let variant = |(name, content)| Variant { name, content, unit: false, aliases: Vec::new() };
    let variants = variants.into_iter().map(variant).collect();
    Shape::Union(Union { tagging: Tagging::Untagged, variants, other: None })
}

pub(super) fn other(facts: &Object) -> Option<String> {
    facts.get("x-lightbus-other").and_then(Value::as_str).map(str::to_owned)
}

pub(super) fn aliases(facts: &Object, name: &str) -> Vec<String> {
    let aliases = facts.get("x-lightbus-aliases").and_then(|aliases| aliases.get(name)).and_then(Value::as_array);
    aliases.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
