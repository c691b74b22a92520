//! What no JSON Schema shows, and what the decoder itself was asked.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a number as text and reads it from text.
pub(crate) mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(deserializer)
}

pub(crate) fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    struct Either;

    impl Visitor<'_> for Either {
        type Value = u32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number or text")
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u32, E> {
            number.try_into().map_err(E::custom)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u32, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Either)
}

/// A type whose author says that its schema is a number, and writes text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Odd(pub(crate) u32);

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_text::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Odd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Odd".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        u32::json_schema(generator)
    }
}

crate::pairs! {
    f4 "`Option` field with `deserialize_with` and without a default added" [RequiredFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, #[serde(deserialize_with = "crate::probed::optional")] b: Option<u32> } } [T { a: 1, b: Some(2) }];
    f8b "required field renamed with `#[serde(alias)]`" [FieldNotWritten, OptionalFieldAdded]
        { struct T { a: u32, b: String } } [T { a: 1, b: "b".into() }]
        => { struct T { a: u32, #[serde(alias = "b")] c: String } } [T { a: 1, c: "b".into() }];
    f8c "field of an inner struct renamed with `#[serde(alias)]`" [FieldNotWritten, OptionalFieldAdded]
        { struct T { a: Vec<Inner> } struct Inner { b: u32 } } [T { a: vec![] }, T { a: vec![Inner { b: 1 }] }]
        => { struct T { a: Vec<Inner> } struct Inner { #[serde(alias = "b")] c: u32 } } [T { a: vec![] }, T { a: vec![Inner { c: 1 }] }];
    x4 "`#[serde(alias)]` removed" []
        { struct T { #[serde(alias = "b")] a: u32 } } [T { a: 1 }]
        => { struct T { a: u32 } } [T { a: 1 }];
    e3c "variant renamed with `#[serde(alias)]`" [VariantAdded]
        { enum T { A, B } } [T::A]
        => { enum T { A, #[serde(alias = "B")] C } } [T::A, T::C];
    e5 "variant added where `#[serde(other)]` takes it, internally tagged" [VariantAdded]
        { #[serde(tag = "kind")] enum T { A, #[serde(other)] Other } } [T::A]
        => { #[serde(tag = "kind")] enum T { A, B { x: u32 }, #[serde(other)] Other } } [T::A, T::B { x: 1 }];
    e6a "unit variant added where `#[serde(other)]` takes it" [VariantAdded]
        { enum T { A, #[serde(other)] Other } } [T::A]
        => { enum T { A, B, #[serde(other)] Other } } [T::A, T::B];
    e6b "variant with data added where `#[serde(other)]` takes units only" [VariantAdded]
        { enum T { A, #[serde(other)] Other } } [T::A]
        => { enum T { A, B { x: u32 }, #[serde(other)] Other } } [T::A, T::B { x: 1 }];
    e6c "`#[serde(other)]` added" [VariantAdded]
        { enum T { A, B } } [T::A, T::B]
        => { enum T { A, B, #[serde(other)] Other } } [T::A, T::B, T::Other];
    s11 "`#[serde(with = …)]` added" [TypeChanged]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(with = "crate::probed::as_text")] #[schemars(with = "u32")] a: u32 } } [T { a: 1 }];
    s11b "`deserialize_with` takes text as well" []
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(deserialize_with = "crate::probed::number_or_text")] a: u32 } } [T { a: 1 }];
    x2 "type becomes one with hand-written implementations" [TypeChanged]
        { struct T { a: u32, b: Vec<u8> } } [T { a: 1, b: vec![] }]
        => { struct T { a: crate::probed::Odd, b: Vec<u8> } } [T { a: crate::probed::Odd(1), b: vec![] }];
    n19b "`range(min = 1)` added, which is no `NonZeroU32`" [ConstraintChanged]
        { struct T { a: u32 } } [T { a: 0 }, T { a: 1 }]
        => { struct T { #[schemars(range(min = 1))] a: u32 } } [T { a: 0 }, T { a: 1 }];
    n19c "`NonZeroU32` becomes `u32` with `range(min = 1)`" [IntegerWidened, ConstraintChanged]
        { struct T { a: NonZeroU32 } } [T { a: NonZeroU32::MIN }]
        => { struct T { #[schemars(range(min = 1))] a: u32 } } [T { a: 0 }, T { a: 1 }];
    s14c "`length(equal = 1)` added, which is no `char`" [ConstraintChanged]
        { struct T { a: String } } [T { a: "ab".into() }]
        => { struct T { #[schemars(length(equal = 1))] a: String } } [T { a: "ab".into() }];
    s14d "`url` added, which is no `Url`" [ConstraintChanged]
        { struct T { a: String } } [T { a: "ab".into() }]
        => { struct T { #[schemars(url)] a: String } } [T { a: "ab".into() }];
    c16 "`()` becomes a unit struct" []
        (()) [()] => { struct T; } [T];
    c7 "tuple struct becomes a struct" [TypeChanged]
        { struct T { a: Inner } struct Inner(u32, String); } [T { a: Inner(1, "a".into()) }]
        => { struct T { a: Inner } struct Inner { x: u32, y: String } } [T { a: Inner { x: 1, y: "a".into() } }];
    n11a "`u64` becomes `u128`" []
        (u64) [0, u64::MAX] => (u128) [0, u64::MAX.into()];
    n11b "`i64` becomes `i128`" [IntegerWidened]
        (i64) [0, i64::MIN] => (i128) [0, i64::MIN.into(), u64::MAX.into()];
    n12 "`u128` becomes `u64`" []
        (u128) [0, u64::MAX.into()] => (u64) [0, u64::MAX];
    s16 "`Vec<u8>` becomes `Bytes`" []
        (Vec<u8>) [vec![1, 2], vec![]] => { struct T(#[serde(with = "crate::probed::as_bytes")] #[schemars(with = "Vec<u8>")] Vec<u8>); } [T(vec![1, 2]), T(vec![])];
}

/// As `serde_bytes` does.
pub(crate) mod as_bytes {
    use std::fmt;

    use serde::de::{SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }

        deserializer.deserialize_byte_buf(Bytes)
    }
}
