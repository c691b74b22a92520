//! Schemas that strangers made: nothing in them exhausts or crashes the comparison.

use lightbus::schema::{ApiSchema, Part, compare};
use serde_json::{Map, Value, json};

/// An API of one event with these fields.
fn event(fields: Value, definitions: Value) -> ApiSchema {
    let schema = json!({"name": "hostile", "events": {"event": {"fields": fields}}, "$defs": definitions});
    serde_json::from_value(schema).expect("it has the form of a schema")
}

/// Compares both with each other and with themselves.
fn survive(one: &ApiSchema, other: &ApiSchema) {
    for (old, new) in [(one, other), (other, one), (one, one), (other, other)] {
        let comparison = compare(old, new);
        assert!(comparison.differences.len() <= 1_000);
        let _ = (comparison.to_string(), comparison.is_compatible(), old.hash());
    }
    assert!(compare(one, one).is_empty());
}

fn plain() -> ApiSchema {
    event(json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}), json!({}))
}

#[test]
fn references_in_circles_end() {
    let circles = [
        json!({"A": {"$ref": "#/$defs/A"}}),
        json!({"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}),
        json!({"A": {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}}),
        json!({"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}}),
        json!({"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}, {"type": "string"}]}}),
        json!({"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}}),
        json!({"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}),
        json!({"A": {"oneOf": [{"$ref": "#"}, {"$ref": "#/$defs/missing"}]}}),
        json!({"A": {"type": "object", "properties": {"t": {"const": "x"}}, "$ref": "#/$defs/A"}}),
    ];
    for one in &circles {
        for other in &circles {
            let of = |definitions: &Value| event(json!({"$ref": "#/$defs/A"}), definitions.clone());
            survive(&of(one), &of(other));
        }
        survive(&event(json!({"$ref": "#/$defs/A"}), one.clone()), &plain());
    }
}

/// Types that each hold the next one twice: two to the power of sixty paths.
fn doubling(leaf: Value, required: bool) -> ApiSchema {
    let mut definitions = Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/T{}", level + 1)});
        let required = if required { json!(["a", "b"]) } else { json!([]) };
        let level_type = json!({"type": "object", "properties": {"a": next, "b": next}, "required": required});
        definitions.insert(format!("T{level}"), level_type);
    }
    definitions.insert("T60".to_owned(), leaf);
    event(json!({"$ref": "#/$defs/T0"}), Value::Object(definitions))
}

#[test]
fn types_that_double_end() {
    for required in [true, false] {
        survive(&doubling(json!({"type": "string"}), required), &doubling(json!({"type": "boolean"}), required));
    }
    let lists = json!({"type": "array", "minItems": 1_000_000_000u64, "maxItems": 1_000_000_000u64, "items": {"type": "string"}});
    survive(&doubling(lists.clone(), true), &doubling(json!({"type": "array", "items": lists}), true));
}

#[test]
fn nesting_ends() {
    let nested = |leaf: Value| (0..100).fold(leaf, |inner, _| json!({"type": "array", "items": inner}));
    // `serde_json` reads nothing that is much deeper.
    survive(&event(nested(json!({"type": "string"})), json!({})), &event(nested(json!({"type": "null"})), json!({})));
    let chain = |leaf: Value| {
        let level = |level: usize| {
            (format!("T{level}"), json!({"anyOf": [{"$ref": format!("#/$defs/T{}", level + 1)}, {"type": "null"}]}))
        };
        let mut definitions: Map<String, Value> = (0..5_000).map(level).collect();
        definitions.insert("T5000".to_owned(), leaf);
        event(json!({"$ref": "#/$defs/T0"}), Value::Object(definitions))
    };
    survive(&chain(json!({"type": "string"})), &chain(json!({"type": "null"})));
}

#[test]
fn breadth_ends() {
    let fields = |kind: &str, prefix: &str| {
        let properties: Map<String, Value> =
            (0..3_000).map(|index| (format!("{prefix}{index}"), json!({"type": kind}))).collect();
        event(json!({"type": "object", "properties": properties}), json!({}))
    };
    survive(&fields("string", "a"), &fields("boolean", "a"));
    survive(&fields("string", "a"), &fields("string", "b"));
    let untagged = |kind: &str| {
        let variant = |index: usize| json!({"type": "object", "properties": {format!("a{index}"): {"type": kind}}});
        event(json!({"anyOf": (0..200).map(variant).collect::<Vec<_>>()}), json!({}))
    };
    survive(&untagged("string"), &untagged("boolean"));
    let merged = |kind: &str| {
        let properties: Map<String, Value> =
            (0..1_000).map(|index| (format!("a{index}"), json!({"type": kind}))).collect();
        let variant = |index: usize| json!({"type": "object", "properties": {"kind": {"const": format!("V{index}")}}, "$ref": "#/$defs/Big"});
        let big = json!({"Big": {"type": "object", "properties": properties}});
        event(json!({"oneOf": (0..300).map(variant).collect::<Vec<_>>()}), big)
    };
    survive(&merged("string"), &merged("boolean"));
    let long = "x".repeat(1 << 20);
    let named = |kind: &str| {
        event(json!({"type": "object", "properties": {long.as_str(): {"type": kind, "default": long}}}), json!({}))
    };
    survive(&named("string"), &named("integer"));
}

#[test]
fn nonsense_is_not_understood() {
    let nonsense = [
        json!(true),
        json!(false),
        json!({"type": 7}),
        json!({"type": "integer", "minimum": "a", "maximum": -1, "format": 7}),
        json!({"type": "integer", "minimum": 5, "maximum": 4}),
        json!({"enum": []}),
        json!({"enum": [null, {}, []]}),
        json!({"const": {"a": 1}}),
        json!({"anyOf": []}),
        json!({"oneOf": {}}),
        json!({"if": {}, "then": {}}),
        json!({"$ref": 7}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"properties": [], "required": {}, "type": "object"}),
        json!({"type": ["null"], "x-lightbus-takes": ["nonsense", 7, "array"]}),
        json!({"type": "object", "patternProperties": {"(": true, "[": false}}),
        json!({"type": "object", "x-lightbus-aliases": {"a": 7}, "properties": {"a": {"x-lightbus-other": 1}}}),
    ];
    for one in &nonsense {
        for other in &nonsense {
            survive(&event(one.clone(), json!({})), &event(other.clone(), json!(null_free(other))));
        }
    }
    let differences = compare(&event(json!({"if": {}}), json!({})), &event(json!({"if": true}), json!({}))).differences;
    assert_eq!((differences[0].part, differences[0].rule.id()), (Part::Fields, "not-understood"));
}

/// Definitions that nothing refers to.
fn null_free(schema: &Value) -> Map<String, Value> {
    [("Unused".to_owned(), schema.clone())].into_iter().collect()
}
