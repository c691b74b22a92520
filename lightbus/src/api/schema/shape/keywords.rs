//! Keywords of JSON Schema, and what they say about numbers and text.

use serde_json::{Map, Value};

use super::{Integer, Shape, Text};

/// Integers that a body can carry.
pub(super) const WIRE: (i128, i128) = (i64::MIN as i128, u64::MAX as i128);

/// Keywords that say nothing about which values there are.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$defs",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
];

/// Formats that stand for a type with a parser. Others come from attributes, which no decoder enforces.
const PARSED_FORMATS: &[&str] = &[
    "date",
    "date-time",
    "partial-date-time",
    "time",
    "partial-time",
    "zoned-date-time",
    "duration",
    "uuid",
    "uri",
    "ip",
    "ipv4",
    "ipv6",
];

pub(crate) type Object = Map<String, Value>;

pub(super) fn too_large() -> Value {
    Value::String("too large".to_owned())
}

pub(super) fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// A name as a part of a JSON pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn is_enforced(object: &Object) -> bool {
    object.get("x-lightbus-enforced") != Some(&Value::Bool(false))
}

/// The range comes from the type, which `format` names. Bounds of an attribute are not enforced.
pub(super) fn integer(object: &Object, format: Option<&str>) -> Option<Integer> {
    let bound = |name: &str| object.get(name).and_then(Value::as_number).and_then(serde_json::Number::as_i128);
    let (min, max) = match format {
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("int64" | "int") => (WIRE.0, i64::MAX.into()),
        Some("int128") => WIRE,
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64" | "uint" | "uint128") => (0, WIRE.1),
        _ => {
            let min = bound("minimum").unwrap_or(WIRE.0).max(WIRE.0);
            let exclusive = bound("exclusiveMaximum").map(|max| max.saturating_sub(1));
            (min, bound("maximum").or(exclusive).unwrap_or(WIRE.1).min(WIRE.1))
        }
    };
    if min > max {
        return None;
    }
    let zero_left_out = bound("minimum") == Some(1) && min == 0 || object.get("not").is_some();
    Some(Integer { min, max, nonzero: zero_left_out && is_enforced(object) })
}

pub(super) fn text(object: &Object, format: Option<&str>) -> Text {
    let length = |name: &str| object.get(name).and_then(Value::as_u64);
    match format {
        _ if !is_enforced(object) => Text::Free,
        Some(format) if PARSED_FORMATS.contains(&format) => Text::Format(format.to_owned()),
        None if length("minLength") == Some(1) && length("maxLength") == Some(1) => Text::Char,
        _ => Text::Free,
    }
}

/// What an attribute of schemars says about a number or text, beyond the type.
pub(super) fn constraints(schema: &Value, shape: &Shape) -> Option<String> {
    let object = schema.as_object()?;
    let keywords: &[&str] = match shape {
        Shape::Text(Text::Free) => &["minLength", "maxLength", "pattern", "format"],
        Shape::Integer(_) => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        Shape::Float { .. } | Shape::Number => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
        Shape::List { .. } => &["minItems", "maxItems"],
        _ => return None,
    };
    let own = |name: &str, value: &Value| match shape {
        Shape::Integer(range) => {
            let bound = value.as_number().and_then(serde_json::Number::as_i128);
            name == "minimum" && bound.is_some_and(|bound| bound == range.min || bound == 1 && range.nonzero)
                || name == "maximum" && bound == Some(range.max)
        }
        _ => false,
    };
    let found: Vec<String> = keywords
        .iter()
        .filter_map(|name| object.get(*name).filter(|value| !own(name, value)).map(|value| format!("{name} {value}")))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}
