//! What holds for any two schemas.

use lightbus::schema::{ApiSchema, compare};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A type as serde and schemars describe it: what is read, and what is written.
#[derive(Debug, Clone)]
struct Type {
    read: Value,
    written: Value,
}

fn leaf() -> impl Strategy<Value = Type> {
    let leaves = [
        json!({"type": "string"}),
        json!({"type": "boolean"}),
        json!({"type": "null"}),
        json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
        json!({"type": "integer", "format": "int64"}),
        json!({"type": "integer", "format": "uint32", "minimum": 1}),
        json!({"type": "number", "format": "double"}),
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "minLength": 1, "maxLength": 1}),
        json!({"type": "string", "enum": ["A", "B"]}),
        json!({"oneOf": [{"type": "string", "enum": ["A"]}, {"const": "C", "description": "documented"}]}),
    ];
    prop::sample::select(leaves.to_vec()).prop_map(|schema| Type { read: schema.clone(), written: schema })
}

fn both(wrap: impl Fn(&Value) -> Value, inner: &Type) -> Type {
    Type { read: wrap(&inner.read), written: wrap(&inner.written) }
}

fn structure(fields: &[(String, bool, Type)]) -> Type {
    let properties = |part: fn(&Type) -> &Value| -> Map<String, Value> {
        fields.iter().map(|(name, _, inner)| (name.clone(), part(inner).clone())).collect()
    };
    let names = |all: bool| -> Vec<&String> {
        fields.iter().filter(|(_, required, _)| all || *required).map(|(name, ..)| name).collect()
    };
    Type {
        read: json!({"type": "object", "properties": properties(|inner| &inner.read), "required": names(false)}),
        written: json!({"type": "object", "properties": properties(|inner| &inner.written), "required": names(true)}),
    }
}

fn types() -> impl Strategy<Value = Type> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let field = ("[a-d]", any::<bool>(), inner.clone());
        let variants = prop::collection::btree_map("[A-D]", inner.clone(), 1..4);
        prop_oneof![
            inner.clone().prop_map(|inner| both(|schema| json!({"anyOf": [schema, {"type": "null"}]}), &inner)),
            inner.clone().prop_map(|inner| both(|schema| json!({"type": "array", "items": schema}), &inner)),
            inner.clone().prop_map(|inner| both(|schema| json!({"type": "object", "additionalProperties": schema}), &inner)),
            prop::collection::vec(inner, 1..3).prop_map(|items| {
                let count = items.len();
                let tuple = |part: fn(&Type) -> &Value| {
                    let items: Vec<&Value> = items.iter().map(part).collect();
                    json!({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count})
                };
                Type { read: tuple(|inner| &inner.read), written: tuple(|inner| &inner.written) }
            }),
            prop::collection::vec(field, 0..4).prop_map(|mut fields| {
                fields.sort_by(|one, other| one.0.cmp(&other.0));
                fields.dedup_by(|one, other| one.0 == other.0);
                structure(&fields)
            }),
            variants.prop_map(|variants| {
                let choices = |part: fn(&Type) -> &Value| {
                    let variant = |(name, inner): (&String, &Type)| {
                        json!({"type": "object", "properties": {name.as_str(): part(inner)}, "required": [name], "additionalProperties": false})
                    };
                    json!({"oneOf": variants.iter().map(variant).collect::<Vec<_>>()})
                };
                Type { read: choices(|inner| &inner.read), written: choices(|inner| &inner.written) }
            }),
        ]
    })
}

fn api(ty: &Type) -> ApiSchema {
    let fields = json!({"read": ty.read, "written": ty.written});
    serde_json::from_value(json!({"name": "any", "events": {"event": {"fields": fields}}})).expect("it is a schema")
}

/// What nobody made on purpose.
fn junk() -> impl Strategy<Value = Value> {
    let keyword = prop::sample::select(vec![
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "enum",
        "const",
        "format",
        "additionalProperties",
        "prefixItems",
        "minItems",
        "maxItems",
        "not",
        "minimum",
        "x-lightbus-takes",
        "x-lightbus-aliases",
        "x-lightbus-other",
        "x-lightbus-demands",
        "patternProperties",
        "a",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["object", "string", "array", "#", "#/$defs/a", "uint8", "date", "a", ""])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keyword.clone(), inner), 0..5).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

#[test]
fn the_hash_stays_the_same_in_all_versions_of_lightbus() {
    let schema = json!({"name": "any", "events": {"event": {"fields": {
        "type": "object",
        "properties": {"serial": {"type": "string"}, "count": {"type": "integer", "format": "uint8"}},
        "required": ["serial"],
    }}}});
    let schema: ApiSchema = serde_json::from_value(schema).expect("it is a schema");
    assert_eq!(schema.hash().to_string(), "90a9bef9a9ace77925e9e323d6b7291e");
}

proptest! {
    #[test]
    fn a_schema_is_compatible_with_itself(ty in types()) {
        let schema = api(&ty);
        prop_assert!(compare(&schema, &schema).is_empty());
        prop_assert_eq!(schema.hash(), api(&ty).hash());
        prop_assert_eq!(&ApiSchema::from_json(&schema.to_json()).expect("it was written"), &schema);
    }

    #[test]
    fn what_fails_in_one_direction_fails_in_the_other_of_the_reverse(old in types(), new in types()) {
        let (there, back) = (compare(&api(&old), &api(&new)), compare(&api(&new), &api(&old)));
        prop_assert_eq!(there.is_empty(), back.is_empty());
        prop_assert_eq!(there.order().publisher_first, back.order().subscriber_first);
        prop_assert_eq!(there.order().subscriber_first, back.order().publisher_first);
    }

    #[test]
    fn no_difference_means_the_same_hash(old in types(), new in types()) {
        let (old, new) = (api(&old), api(&new));
        prop_assert!(compare(&old, &new).is_empty() || old.hash() != new.hash());
    }

    #[test]
    fn junk_is_survived(old in junk(), new in junk()) {
        let of = |fields: &Value| {
            let schema = json!({"name": "any", "events": {"event": {"fields": fields}}, "$defs": {"a": fields}});
            serde_json::from_value::<ApiSchema>(schema)
        };
        if let (Ok(old), Ok(new)) = (of(&old), of(&new)) {
            let _ = compare(&old, &new).to_string();
            prop_assert!(compare(&old, &old).is_empty());
        }
    }
}
