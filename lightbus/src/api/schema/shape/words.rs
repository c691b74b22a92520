//! Shapes in words.

use serde_json::Value;

use super::{Id, Integer, Shape, Shapes, Tagging, Text, Union};

/// How much of a value is quoted.
const MAX_VALUE: usize = 200;

pub(crate) fn describe(shapes: &Shapes, id: Id) -> String {
    let inner = |id: Id, depth: usize| named(shapes, id, depth);
    named_with(shapes, id, 0, &inner)
}

fn named(shapes: &Shapes, id: Id, depth: usize) -> String {
    if depth > 3 {
        return "…".to_owned();
    }
    named_with(shapes, id, depth, &|id, depth| named(shapes, id, depth))
}

fn named_with(shapes: &Shapes, id: Id, depth: usize, inner: &dyn Fn(Id, usize) -> String) -> String {
    let node = shapes.node(id);
    if depth > 0
        && let Some(name) = node.pointer.strip_prefix("/$defs/").filter(|name| !name.contains('/'))
    {
        return format!("`{}`", cut(name));
    }
    match &node.shape {
        Shape::Any => "any value".to_owned(),
        Shape::Never => "no value".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Bool => "a boolean".to_owned(),
        Shape::Integer(range) => integer(range),
        Shape::Float { single: true } => "a 32-bit float".to_owned(),
        Shape::Float { single: false } => "a float".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Text(Text::Free) => "text".to_owned(),
        Shape::Text(Text::Char) => "one character".to_owned(),
        Shape::Text(Text::Format(format)) => format!("text in the format `{}`", cut(format)),
        Shape::Choice(values) => format!("one of {}", short(&Value::Array(values.clone()))),
        Shape::Nullable(some) => format!("{} or null", inner(*some, depth + 1)),
        Shape::List { item, unique: false } => format!("a list of {}", inner(*item, depth + 1)),
        Shape::List { item, unique: true } => format!("a set of {}", inner(*item, depth + 1)),
        Shape::Array { item, length } => format!("exactly {length} of {}", inner(*item, depth + 1)),
        Shape::Tuple(items) => format!("a tuple of {}", items.len()),
        Shape::Map { value, .. } => format!("a map to {}", inner(*value, depth + 1)),
        Shape::Struct(shape) => {
            let names: Vec<&str> = shape.fields.keys().map(String::as_str).take(6).collect();
            let more = if shape.fields.len() > 6 { ", …" } else { "" };
            if names.is_empty() {
                "a struct without fields".to_owned()
            } else {
                format!("a struct of {}{more}", cut(&names.join(", ")))
            }
        }
        Shape::Union(union) => variants(union),
        Shape::Alias(_) | Shape::Opaque(_) => "a schema that is not understood".to_owned(),
    }
}

fn integer(range: &Integer) -> String {
    let zero = if range.nonzero { " but not 0" } else { "" };
    format!("an integer from {} to {}{zero}", range.min, range.max)
}

fn variants(union: &Union) -> String {
    let names: Vec<&str> = union.variants.iter().map(|variant| variant.name.as_str()).take(6).collect();
    let more = if union.variants.len() > 6 { ", …" } else { "" };
    let tagging = match &union.tagging {
        Tagging::External => String::new(),
        Tagging::Internal(tag) => format!(" tagged by `{}`", cut(tag)),
        Tagging::Untagged => " without tags".to_owned(),
    };
    format!("an enum of {}{more}{tagging}", cut(&names.join(", ")))
}

/// A value as JSON, shortened.
pub(crate) fn short(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_VALUE {
        return text.to_owned();
    }
    let end = (0..=MAX_VALUE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}
