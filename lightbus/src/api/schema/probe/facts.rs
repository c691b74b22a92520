//! Observed behaviour of decoders, as keywords of the schema.

use serde_json::{Map, Value, json};

/// Behaviour of the decoder at one place, which the schema does not state.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fact {
    /// It requires a field that the schema calls optional.
    Demands { pointer: String, field: String },
    /// It takes another name for a field or a variant.
    Alias { pointer: String, name: String, alias: String },
    /// It takes names of variants that it does not know as this one.
    Other { pointer: String, variant: String },
    /// It does not check what the schema says about the value.
    NotEnforced { pointer: String },
    /// It takes these kinds of values in place of what the schema says.
    Takes { pointer: String, kinds: Vec<&'static str> },
    /// The encoder writes another kind of value than the schema says.
    Writes { pointer: String, kind: &'static str },
}

impl Fact {
    pub(super) fn pointer(&self) -> &str {
        match self {
            Self::Demands { pointer, .. }
            | Self::Alias { pointer, .. }
            | Self::Other { pointer, .. }
            | Self::NotEnforced { pointer }
            | Self::Takes { pointer, .. }
            | Self::Writes { pointer, .. } => pointer,
        }
    }

    pub(super) const fn is_written(&self) -> bool {
        matches!(self, Self::Writes { .. })
    }
}

/// Writes a fact about one of the definitions.
pub(super) fn apply(definitions: &mut Map<String, Value>, fact: Fact) {
    let Some(rest) = fact.pointer().strip_prefix("/$defs/") else { return };
    let (name, rest) = rest.split_once('/').map_or((rest, String::new()), |(name, rest)| (name, format!("/{rest}")));
    let name = name.replace("~1", "/").replace("~0", "~");
    if let Some(target) = definitions.get_mut(&name).and_then(|schema| schema.pointer_mut(&rest)) {
        write(target, fact);
    }
}

/// Writes a fact about a schema or a part of it.
pub(super) fn apply_at(schema: &mut Value, fact: Fact) {
    if let Some(target) = schema.pointer_mut(fact.pointer()) {
        write(target, fact);
    }
}

fn write(target: &mut Value, fact: Fact) {
    if *target == Value::Bool(true) {
        *target = json!({});
    }
    let Value::Object(schema) = target else { return };
    let (keyword, value) = match fact {
        Fact::Demands { field, .. } => return add(schema, "x-lightbus-demands", field),
        Fact::Alias { name, alias, .. } => {
            let aliases = schema.entry("x-lightbus-aliases").or_insert_with(|| json!({}));
            if let Value::Object(aliases) = aliases {
                add(aliases, &name, alias);
            }
            return;
        }
        Fact::Other { variant, .. } => ("x-lightbus-other", json!(variant)),
        Fact::NotEnforced { .. } => ("x-lightbus-enforced", json!(false)),
        Fact::Takes { kinds, .. } => ("x-lightbus-takes", json!(kinds)),
        Fact::Writes { kind, .. } => ("x-lightbus-writes", json!([kind])),
    };
    schema.insert(keyword.to_owned(), value);
}

fn add(object: &mut Map<String, Value>, keyword: &str, text: String) {
    if let Value::Array(texts) = object.entry(keyword).or_insert_with(|| json!([])) {
        let text = Value::String(text);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
}
