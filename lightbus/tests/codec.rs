//! Every serde shape survives both encodings, what would not is refused when it is encoded, and no bytes that a peer can
//! send do harm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::alloc::System;
use std::collections::BTreeMap;

use bytes::Bytes;
use cap::Cap;
use lightbus::codec::{DecodeError, EncodeError, decode, encode};
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

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

const BOTH: [Encoding; 2] = [Encoding::MessagePack, Encoding::Json];

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
        let seen = |payload: &Payload| decode::<Value>(payload).unwrap();
        // f32 has no exact decimal form, so JSON shows another f64 for it than MessagePack does.
        let shapes = Shapes { single: 0.5, ..shapes };
        prop_assert_eq!(
            seen(&encode(Encoding::MessagePack, &shapes).unwrap()),
            seen(&encode(Encoding::Json, &shapes).unwrap())
        );
        prop_assert_eq!(&decode::<Value>(&encode(Encoding::MessagePack, &value).unwrap()).unwrap(), &value);
    }

    #[test]
    fn msgpack_is_what_rmp_serde_writes_and_reads(shapes in shapes()) {
        let payload = encode(Encoding::MessagePack, &shapes).unwrap();
        let mut reference = rmp_serde::Deserializer::from_read_ref(&payload.bytes)
            .with_human_readable();
        let reference = Shapes::deserialize(&mut reference).unwrap();
        prop_assert_eq!(&reference, &shapes);
        let mut written = Vec::new();
        let mut serializer = rmp_serde::Serializer::new(&mut written).with_struct_map().with_human_readable();
        shapes.serialize(&mut serializer).unwrap();
        prop_assert_eq!(&decode::<Shapes>(&msgpack(written.clone())).unwrap(), &shapes);
        // The one difference: rmp-serde writes an empty array for a unit struct.
        let without_unit = |bytes: &[u8]| {
            let [before, after] = [&b"\xa4unit\x90"[..], b"\xa4unit\xc0"];
            let at = bytes.windows(6).position(|window| window == before || window == after).unwrap();
            [&bytes[..at], &bytes[at + 6..]].concat()
        };
        prop_assert_eq!(without_unit(&payload.bytes), without_unit(&written));
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
fn a_unit_struct_is_null() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
        Unit(Unit),
    }

    assert_eq!(encode(Encoding::MessagePack, &Unit).unwrap().bytes, [0xc0].as_slice());
    assert_eq!(encode(Encoding::Json, &Unit).unwrap().bytes, b"null".as_slice());
    for encoding in BOTH {
        for value in [Untagged::Unit(Unit), Untagged::Number(1)] {
            assert_eq!(decode::<Untagged>(&encode(encoding.clone(), &value).unwrap()).unwrap(), value);
        }
    }
    // The empty array is what Lightbus wrote before.
    assert_eq!(decode::<Unit>(&msgpack(vec![0x90])), Ok(Unit));
}

/// What a value is refused with, in both encodings.
fn refused<T: Serialize>(value: &T) -> EncodeError {
    let [msgpack, json] = BOTH.map(|encoding| encode(encoding, value).unwrap_err());
    assert_eq!(msgpack, json);
    msgpack
}

#[test]
fn numbers_that_are_not_finite_are_refused_when_they_are_encoded() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let prices =
            BTreeMap::from([("prices", vec![BTreeMap::from([("net", 1.0)]), BTreeMap::from([("net", number)])])]);
        assert_eq!(refused(&prices), EncodeError::NotFinite { path: "prices[1].net".into() });
        assert_eq!(refused(&(number as f32)), EncodeError::NotFinite { path: String::new() });
    }
    for bytes in [vec![0xca, 0x7f, 0xc0, 0, 0], vec![0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]] {
        let error = decode::<Option<f64>>(&msgpack(bytes)).unwrap_err().to_string();
        assert!(error.contains("NaN"), "{error}");
    }
}

#[test]
fn integers_of_128_bits_are_integers_or_refused() {
    let (least, most) = (i128::from(i64::MIN), i128::from(u64::MAX));
    for number in [0, -1, 1, least, most] {
        for encoding in BOTH {
            let payload = encode(encoding, &(number,)).unwrap();
            assert_eq!(decode::<(i128,)>(&payload), Ok((number,)));
            assert_eq!(decode::<Value>(&payload).unwrap().to_string(), format!("[{number}]"));
        }
    }
    for encoding in BOTH {
        assert_eq!(decode::<u128>(&encode(encoding, &u128::from(u64::MAX)).unwrap()), Ok(u128::from(u64::MAX)));
    }
    for number in [least - 1, most + 1, i128::MIN, i128::MAX] {
        let number_text = number.to_string();
        assert_eq!(refused(&(1, number)), EncodeError::IntegerTooLarge { path: "[1]".into(), number: number_text });
    }
    let error = refused(&BTreeMap::from([("amount", u128::MAX)])).to_string();
    assert!(error.contains("at `amount`: ") && error.contains("340282366920938463463374607431768211455"), "{error}");
    // What rmp-serde makes of them.
    assert_eq!(decode::<i128>(&msgpack([&[0xc4, 16][..], &(-7_i128).to_be_bytes()].concat())), Ok(-7));
    assert_eq!(decode::<u128>(&msgpack([&[0xc4, 16][..], &u128::MAX.to_be_bytes()].concat())), Ok(u128::MAX));
    assert!(decode::<u128>(&msgpack(vec![0xff])).is_err());
}

#[test]
fn keys_that_are_not_strings_are_refused_when_they_are_encoded() {
    let counts = (BTreeMap::from([("counts", BTreeMap::from([(7_u32, "x")]))]),);
    assert_eq!(refused(&counts), EncodeError::KeyNotText { path: "[0].counts".into(), key: "7".into() });
    assert_eq!(refused(&BTreeMap::from([(-7, ())])), EncodeError::KeyNotText { path: String::new(), key: "-7".into() });
    assert_eq!(
        refused(&BTreeMap::from([(true, ())])),
        EncodeError::KeyNotText { path: String::new(), key: "true".into() }
    );
    let key = BTreeMap::from([((1, 2), ())]);
    assert!(matches!(refused(&key), EncodeError::KeyNotText { .. }));
    // Whatever is a string on the wire may be a key.
    let keys = BTreeMap::from([(Newtype("a".into()), 1)]);
    for encoding in BOTH {
        let payload = encode(encoding.clone(), &keys).unwrap();
        assert_eq!(decode::<BTreeMap<Newtype, u8>>(&payload).unwrap(), keys);
        let addresses = BTreeMap::from([("127.0.0.1".parse::<std::net::IpAddr>().unwrap(), External::Unit)]);
        assert_eq!(decode::<BTreeMap<_, _>>(&encode(encoding, &addresses).unwrap()), Ok(addresses));
    }
}

#[test]
fn numbers_and_booleans_are_read_from_keys_of_any_form() {
    let expected = BTreeMap::from([(-1_i64, 'a'), (300, 'b')]);
    for payload in [as_json(r#"{"-1": "a", "300": "b"}"#), msgpack(b"\x82\xff\xa1a\xcd\x01\x2c\xa1b".to_vec())] {
        assert_eq!(decode::<BTreeMap<i64, char>>(&payload), Ok(expected.clone()));
        assert!(decode::<BTreeMap<u8, char>>(&payload).is_err());
    }
    assert_eq!(decode::<BTreeMap<bool, u8>>(&as_json(r#"{"true": 1}"#)), Ok(BTreeMap::from([(true, 1)])));
    // Text is a number only where it is a key.
    assert!(decode::<BTreeMap<String, u8>>(&as_json(r#"{"1": "1"}"#)).is_err());
}

#[test]
fn some_of_null_is_refused_when_it_is_encoded() {
    let at = |path: &str| EncodeError::SomeNull { path: path.into() };
    assert_eq!(refused(&Some(None::<u8>)), at(""));
    assert_eq!(refused(&[Some(Some(1)), Some(None)]), at("[1]"));
    assert_eq!(refused(&BTreeMap::from([("done", Some(()))])), at("done"));
    assert_eq!(refused(&(Some(Unit), Some(Value::Null))), at("[0]"));
    assert_eq!(refused(&(1, Some(Value::Null))), at("[1]"));
    for encoding in BOTH {
        let value = (Some(Some(1)), None::<Option<u8>>);
        assert_eq!(decode(&encode(encoding, &value).unwrap()), Ok(value));
    }
}

#[test]
fn bytes_are_an_array_of_integers() {
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&[0, 127, 128, 255])
        }
    }
    /// As `serde_bytes` asks for bytes.
    #[derive(Debug, PartialEq)]
    struct Buffer(Vec<u8>);
    impl<'de> Deserialize<'de> for Buffer {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Buffer;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Buffer, E> {
                    Ok(Buffer(bytes.to_vec()))
                }
            }
            deserializer.deserialize_byte_buf(Visitor)
        }
    }

    assert_eq!(encode(Encoding::MessagePack, &Bytes).unwrap().bytes, b"\x94\x00\x7f\xcc\x80\xcc\xff".as_slice());
    let bin = msgpack(b"\xc4\x04\x00\x7f\x80\xff".to_vec());
    for payload in BOTH.map(|encoding| encode(encoding, &Bytes).unwrap()).iter().chain([&bin]) {
        assert_eq!(decode::<Vec<u8>>(payload), Ok(vec![0, 127, 128, 255]));
        assert_eq!(decode::<[u64; 4]>(payload), Ok([0, 127, 128, 255]));
        assert_eq!(decode::<Buffer>(payload), Ok(Buffer(vec![0, 127, 128, 255])));
        assert!(decode::<(u8, u8)>(payload).is_err());
    }
    assert!(decode::<Buffer>(&as_json("[256]")).is_err());
}

/// What serde_json makes of its own types for other formats, when a crate of the build asks for it.
struct Secret(&'static str, &'static str);

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut secret = serializer.serialize_struct(self.0, 1)?;
        secret.serialize_field(self.0, self.1)?;
        secret.end()
    }
}

#[test]
fn the_private_forms_of_serde_json_do_not_leave() {
    let number = |text| Secret("$serde_json::private::Number", text);
    let raw = |text| Secret("$serde_json::private::RawValue", text);
    let values = (number("5"), number("-5"), number("0.5"), number("1e2"), raw(r#"{"a": [1, null]}"#), 1);
    for encoding in BOTH {
        let payload = encode(encoding, &values).unwrap();
        assert_eq!(decode::<Value>(&payload).unwrap(), json!([5, -5, 0.5, 100.0, {"a": [1, null]}, 1]));
    }
    let large = number("18446744073709551616");
    assert!(matches!(refused(&(1, large)), EncodeError::IntegerTooLarge { path, .. } if path == "[1]"));
    assert!(matches!(refused(&number("1e999")), EncodeError::IntegerTooLarge { .. }));
    assert!(matches!(refused(&raw("{")), EncodeError::Value { .. }));
    assert!(matches!(refused(&Secret("$serde_json::private::RawValue", DEEP)), EncodeError::TooDeep { .. }));
}

#[test]
fn a_serialize_may_announce_a_wrong_length() {
    struct Liar(usize, Option<usize>);
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{SerializeMap, SerializeSeq};
            let mut map = serializer.serialize_map(self.1)?;
            for key in 0..self.0 {
                map.serialize_entry(&key.to_string(), &Elements(self.0, self.1))?;
            }
            return map.end();

            struct Elements(usize, Option<usize>);
            impl Serialize for Elements {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let mut elements = serializer.serialize_seq(self.1)?;
                    for element in 0..self.0 {
                        elements.serialize_element(&element)?;
                    }
                    elements.end()
                }
            }
        }
    }

    for count in [0, 1, 15, 16, 300] {
        for announced in [None, Some(0), Some(count), Some(15), Some(16), Some(70_000), Some(usize::MAX)] {
            for encoding in BOTH {
                let encoded = encode(encoding, &Liar(count, announced));
                if announced == Some(usize::MAX) {
                    assert!(encoded.is_err());
                    continue;
                }
                let expected: BTreeMap<_, Vec<_>> =
                    (0..count).map(|key| (key.to_string(), (0..count).collect())).collect();
                assert_eq!(decode::<BTreeMap<String, Vec<usize>>>(&encoded.unwrap()).unwrap(), expected);
            }
        }
    }
}

/// An array in an array, one level deeper than allowed.
const DEEP: &str = concat!(
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
);

#[test]
fn encoding_and_decoding_have_the_same_depth_limit() {
    fn nested(depth: usize) -> Value {
        (1..depth).fold(json!([]), |inside, _| json!([inside]))
    }
    /// Ends no sooner than the encoder does.
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            BTreeMap::from([("in", Endless)]).serialize(serializer)
        }
    }

    let deepest = nested(128);
    for encoding in BOTH {
        let payload = encode(encoding, &deepest).unwrap();
        assert_eq!(decode::<Value>(&payload).unwrap(), deepest);
        let mut longer = b"\x91".to_vec();
        longer.extend_from_slice(&payload.bytes);
        let longer = if payload.encoding == Encoding::Json { as_json(DEEP) } else { msgpack(longer) };
        assert_eq!(decode::<Value>(&longer), Err(DecodeError::TooDeep));
    }
    let EncodeError::TooDeep { path } = refused(&json!({ "fields": nested(128) })) else { panic!("it is too deep") };
    assert!(path.starts_with("fields[0][0]"), "{path}");
    assert!(matches!(refused(&Endless), EncodeError::TooDeep { path } if path.starts_with("in.in.in")));
}

#[test]
fn positional_fields_are_refused() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        serial: String,
    }

    for payload in [as_json(r#"["SN-1"]"#), msgpack(b"\x91\xa4SN-1".to_vec())] {
        let error = decode::<Order>(&payload).unwrap_err().to_string();
        assert!(error.contains("invalid type: sequence, expected struct Order"), "{error}");
    }
    assert!(decode::<Order>(&msgpack(b"\x81\x00\xa4SN-1".to_vec())).is_err());
    assert!(decode::<External>(&msgpack(vec![0x00])).is_err());
}

#[test]
fn false_lengths_allocate_little() {
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
fn values_nested_up_to_the_limit_decode() {
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
fn the_error_names_what_came_and_what_was_expected() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Order {
        customer: u32,
        #[serde(default)]
        part: Option<External>,
    }

    let errors = [
        (json!({"customer": "1"}), "at `customer`: invalid type: string \"1\", expected u32"),
        (json!({"customer": null}), "at `customer`: invalid type: null, expected u32"),
        (json!({"customer": 4_294_967_296_u64}), "at `customer`: invalid value: integer `4294967296`, expected u32"),
        (json!([]), "invalid type: sequence, expected struct Order"),
        (
            json!({"customer": 1, "part": "Unti"}),
            "at `part`: unknown variant `Unti`, expected one of `Unit`, `Newtype`, `Tuple`, `Struct`",
        ),
        (json!({"customer": 1, "part": {"Newtype": {}}}), "at `part.Newtype`: invalid type: map, expected i64"),
        (
            json!({"customer": 1, "part": {"Tuple": [true]}}),
            "at `part.Tuple`: invalid length 1, expected tuple variant External::Tuple with 2 elements",
        ),
        (
            json!({"customer": 1, "part": {"Tuple": [true, "ab"]}}),
            "at `part.Tuple[1]`: invalid value: string \"ab\", expected a character",
        ),
        (
            json!({"customer": 1, "part": {"Struct": {"text": "a", "nested": "Tuple"}}}),
            "at `part.Struct.nested`: invalid type: unit variant, expected tuple variant",
        ),
    ];
    for (value, message) in errors {
        let error = |encoding| decode::<Order>(&encode(encoding, &value).unwrap()).unwrap_err().to_string();
        assert_eq!(error(Encoding::MessagePack), message);
        let json = error(Encoding::Json);
        assert!(json.starts_with(&format!("{message} at line 1 column ")), "{json}");
    }
    let json = decode::<Order>(&as_json("{\n  \"customer\": \"1\"\n}")).unwrap_err().to_string();
    assert_eq!(json, "at `customer`: invalid type: string \"1\", expected u32 at line 2 column 17");
    let json = decode::<Order>(&as_json("{serial")).unwrap_err().to_string();
    assert_eq!(json, "key must be a string at line 1 column 2");
    let msgpack = decode::<Order>(&msgpack(b"\x81\xa8customer".to_vec())).unwrap_err().to_string();
    assert_eq!(msgpack, "at `customer`: the body ends within a value");
    let empty = decode::<Order>(&Payload::default()).unwrap_err().to_string();
    assert_eq!(empty, "the body is empty. It must be one value");
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
fn media_types_are_case_insensitive() {
    for (content_type, encoding) in [
        (None, Encoding::MessagePack),
        (Some(""), Encoding::MessagePack),
        (Some("Application/MsgPack"), Encoding::MessagePack),
        (Some("APPLICATION/VND.MSGPACK"), Encoding::MessagePack),
        (Some("application/x-msgpack"), Encoding::MessagePack),
        (Some("Application/JSON; Charset=UTF-8"), Encoding::Json),
        (Some("Text/XML"), Encoding::Unsupported("Text/XML".into())),
    ] {
        assert_eq!(Encoding::from_content_type(content_type), encoding);
    }
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
fn bodies_that_are_kept_do_not_change() {
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
