//! Every serde shape survives both encodings, and no bytes that a peer can send do harm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::alloc::System;
use std::collections::BTreeMap;

use bytes::Bytes;
use cap::Cap;
use lightbus::codec::{DecodeError, decode, encode};
use lightbus::message::{Encoding, Payload};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Ends the test process when decoding asks for more than any of these tests can need.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 1 << 30);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tuple(u8, String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Tuple(bool, char),
    Struct { text: String, nested: Option<Box<External>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Internal {
    Empty,
    Full { amount: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Empty,
    Full(Vec<u16>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i32),
    Text(String),
    List(Vec<i32>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    flat: u8,
}

/// One field for every shape that serde knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shapes {
    truth: bool,
    small: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    float: f64,
    single: f32,
    character: char,
    text: String,
    nothing: (),
    unit: Unit,
    newtype: Newtype,
    tuple: Tuple,
    option: Option<u32>,
    list: Vec<External>,
    bytes: Vec<u8>,
    map: BTreeMap<String, i64>,
    external: External,
    internal: Internal,
    adjacent: Adjacent,
    untagged: Untagged,
    address: std::net::IpAddr,
    #[serde(flatten)]
    flat: Flat,
    #[serde(default)]
    defaulted: u8,
}

fn external() -> impl Strategy<Value = External> {
    let leaf = prop_oneof![
        Just(External::Unit),
        any::<i64>().prop_map(External::Newtype),
        any::<(bool, char)>().prop_map(|(truth, character)| External::Tuple(truth, character)),
    ];
    leaf.prop_recursive(4, 8, 1, |inner| {
        (any::<String>(), proptest::option::of(inner))
            .prop_map(|(text, nested)| External::Struct { text, nested: nested.map(Box::new) })
    })
}

fn finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

fn shapes() -> impl Strategy<Value = Shapes> {
    let numbers = (any::<(i8, i16, i32, i64)>(), any::<(u8, u16, u32, u64)>(), finite(), -1e30_f32..1e30_f32);
    let texts = (any::<char>(), any::<String>(), any::<String>(), any::<(u8, String)>());
    let collections = (
        vec(external(), 0..4),
        vec(any::<u8>(), 0..300),
        btree_map(any::<String>(), any::<i64>(), 0..20),
        proptest::option::of(any::<u32>()),
    );
    let enums = (
        external(),
        prop_oneof![Just(Internal::Empty), any::<u32>().prop_map(|amount| Internal::Full { amount })],
        prop_oneof![Just(Adjacent::Empty), vec(any::<u16>(), 0..5).prop_map(Adjacent::Full)],
        prop_oneof![
            any::<i32>().prop_map(Untagged::Number),
            any::<String>().prop_map(Untagged::Text),
            vec(any::<i32>(), 1..5).prop_map(Untagged::List)
        ],
    );
    (any::<bool>(), numbers, texts, collections, enums, any::<std::net::IpAddr>(), any::<(u8, u8)>()).prop_map(
        |(truth, numbers, texts, collections, enums, address, (flat, defaulted))| Shapes {
            truth,
            small: numbers.0,
            unsigned: numbers.1,
            float: numbers.2,
            single: numbers.3,
            character: texts.0,
            text: texts.1,
            nothing: (),
            unit: Unit,
            newtype: Newtype(texts.2),
            tuple: Tuple(texts.3.0, texts.3.1),
            option: collections.3,
            list: collections.0,
            bytes: collections.1,
            map: collections.2,
            external: enums.0,
            internal: enums.1,
            adjacent: enums.2,
            untagged: enums.3,
            address,
            flat: Flat { flat },
            defaulted,
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn msgpack(bytes: impl Into<Bytes>) -> Payload {
    Payload { encoding: Encoding::MessagePack, bytes: bytes.into() }
}

fn as_json(bytes: impl Into<Bytes>) -> Payload {
    Payload { encoding: Encoding::Json, bytes: bytes.into() }
}

/// What harmful bytes could be decoded as.
fn decode_as_anything(payload: &Payload) {
    let _ = decode::<Value>(payload);
    let _ = decode::<Shapes>(payload);
    let _ = decode::<Vec<External>>(payload);
    let _ = decode::<BTreeMap<String, Vec<u64>>>(payload);
    let _ = decode::<(Internal, Adjacent, Untagged)>(payload);
    let _ = decode::<lightbus::rpc::Fault>(payload);
}

proptest! {
    #[test]
    fn every_shape_survives(shapes in shapes()) {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let payload = encode(encoding, &shapes).unwrap();
            prop_assert_eq!(&decode::<Shapes>(&payload).unwrap(), &shapes);
        }
    }

    #[test]
    fn both_encodings_carry_the_same_json_value(shapes in shapes(), value in value()) {
        let seen = |payload: &Payload| {
            let mut value = decode::<Value>(payload).unwrap();
            // The one shape with two forms: see `a_unit_struct_is_an_empty_array`.
            if let Some(map) = value.as_object_mut() { map.remove("unit"); }
            value
        };
        // f32 has no exact decimal form, so JSON shows another f64 for it than MessagePack does.
        let shapes = Shapes { single: 0.5, ..shapes };
        prop_assert_eq!(
            seen(&encode(Encoding::MessagePack, &shapes).unwrap()),
            seen(&encode(Encoding::Json, &shapes).unwrap())
        );
        prop_assert_eq!(&decode::<Value>(&encode(Encoding::MessagePack, &value).unwrap()).unwrap(), &value);
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in vec(any::<u8>(), 0..512)) {
        decode_as_anything(&msgpack(bytes.clone()));
        decode_as_anything(&as_json(bytes));
    }

    #[test]
    fn damaged_messages_give_a_value_or_an_error(shapes in shapes(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let payload = encode(encoding, &shapes).unwrap();
            let mut bytes = payload.bytes.to_vec();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            decode_as_anything(&Payload { encoding: payload.encoding, bytes: bytes.into() });
        }
    }
}

#[test]
fn a_unit_struct_is_an_empty_array() {
    assert_eq!(encode(Encoding::MessagePack, &Unit).unwrap().bytes, [0x90].as_slice());
    assert_eq!(encode(Encoding::Json, &Unit).unwrap().bytes, b"null".as_slice());
}

#[test]
fn lengths_that_lie_allocate_nothing_to_speak_of() {
    for marker in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        for mut bytes in [vec![marker, 0xff, 0xff, 0xff, 0xff], vec![0x81, 0xa1, b'a', marker, 0xff, 0xff, 0xff, 0xff]]
        {
            bytes.extend([0; 64]);
            decode_as_anything(&msgpack(bytes));
        }
    }
    assert!(decode::<Vec<u64>>(&msgpack(vec![0xdd, 0xff, 0xff, 0xff, 0xff, 1])).is_err());
}

#[test]
fn values_that_are_nested_too_deeply_are_refused() {
    // Type definitions that recurse decide how deep decoding goes; these bytes would go on for a million levels.
    #[derive(Debug, Deserialize)]
    struct Endless(#[expect(dead_code, reason = "only its depth matters")] Vec<Endless>);

    let deep = 1_000_000;
    for (payload, message) in [(msgpack(vec![0x91; deep]), "MessagePack"), (as_json(vec![b'['; deep]), "JSON")] {
        assert_eq!(decode::<Endless>(&payload).unwrap_err(), DecodeError::TooDeep, "{message}");
        assert_eq!(decode::<Value>(&payload).unwrap_err(), DecodeError::TooDeep, "{message}");
    }
    let fields = [b"\x81\xa1a".repeat(deep), vec![0xc0]].concat();
    assert_eq!(decode::<Value>(&msgpack(fields)).unwrap_err(), DecodeError::TooDeep);
    // Fields that nobody asks for are skipped, not followed.
    #[derive(Debug, Deserialize)]
    struct Nothing {}
    let skipped = [b"\x81\xa1a".to_vec(), vec![0x91; deep]].concat();
    assert!(decode::<Nothing>(&msgpack(skipped)).is_err());
}

#[test]
fn what_is_deep_enough_for_people_decodes() {
    let mut value = json!("bottom");
    for _ in 0..100 {
        value = json!({ "in": value });
    }
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        assert_eq!(decode::<Value>(&encode(encoding, &value).unwrap()).unwrap(), value);
    }
}

#[test]
fn the_error_says_where_and_what() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Order {
        parts: Vec<Part>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Part {
        serial: String,
    }

    let value = json!({"parts": [{"serial": "a"}, {"serial": 7}]});
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let payload = encode(encoding, &value).unwrap();
        let error = decode::<Order>(&payload).unwrap_err();
        let DecodeError::Value { path, reason } = &error else { panic!("{error}") };
        assert_eq!(path, "parts[1].serial");
        assert!(reason.contains("expected a string"), "{reason}");
    }
    let missing = decode::<Order>(&encode(Encoding::MessagePack, &json!({})).unwrap()).unwrap_err();
    assert_eq!(missing.to_string(), "missing field `parts`");
}

#[test]
fn a_body_is_one_value() {
    for payload in [msgpack(vec![0x01, 0x02]), as_json("1 2"), msgpack(vec![0x01, 0xc1])] {
        assert!(decode::<u8>(&payload).is_err(), "{payload:?}");
    }
    assert!(decode::<Option<u8>>(&msgpack(vec![0xc0, 0xc0])).is_err());
    assert_eq!(decode::<Option<u8>>(&msgpack(vec![0xc0])), Ok(None));
    assert!(decode::<u8>(&msgpack(Vec::new())).is_err());
}

#[test]
fn other_content_types_are_refused_by_name() {
    let payload =
        Payload { encoding: Encoding::from_content_type(Some("text/xml")), bytes: Bytes::from_static(b"<a/>") };
    let error = decode::<Value>(&payload).unwrap_err().to_string();
    assert!(error.contains("text/xml") && error.contains("application/json"), "{error}");
}

/// Encodes another value while it is encoded itself.
struct Nesting;

impl Serialize for Nesting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = encode(Encoding::MessagePack, "inner").map_err(serde::ser::Error::custom)?;
        ("before", inner.bytes.len(), "after").serialize(serializer)
    }
}

#[test]
fn bodies_that_are_kept_stay_as_they_were_written() {
    let lengths = [0, 1, 100, 4_000, 9_000, 1, 100_000, 2];
    let texts: Vec<String> =
        lengths.iter().zip('a'..).map(|(length, letter)| letter.to_string().repeat(*length)).collect();
    let kept: Vec<Payload> =
        texts.iter().cycle().take(400).map(|text| encode(Encoding::MessagePack, text).unwrap()).collect();
    for (payload, text) in kept.iter().zip(texts.iter().cycle()) {
        assert!(decode::<String>(payload).unwrap() == *text, "a text of {} bytes has changed", text.len());
    }
    let nesting = encode(Encoding::MessagePack, &Nesting).unwrap();
    assert_eq!(decode::<(String, usize, String)>(&nesting).unwrap(), ("before".into(), 6, "after".into()));
}
