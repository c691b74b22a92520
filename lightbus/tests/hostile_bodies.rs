//! Bodies that no peer should send are a value or an error, and take no more memory than bodies of their length may.
//!
//! They are made of valid bodies that are damaged, of MessagePack in all of its forms with lengths that lie, and of words of
//! JSON in any order. `PROPTEST_CASES` says how many of each; without it there are 256.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::alloc::System;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap::Cap;
use lightbus::codec::{decode, encode};
use lightbus::message::{Encoding, Payload};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 1 << 30);

/// Keeps the tests from counting each other's memory.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory for a body whatever its length: serde trusts a length for up to 1 MiB, at each level of the type.
const FOR_ANY: usize = 32 << 20;

/// Memory for each byte of a body: a byte can be a `Value` of 32 in an array that has to grow.
const FOR_EACH_BYTE: usize = 512;

/// The longest error, whatever the body: it is logged, and sent to the caller.
const LONGEST_ERROR: usize = 4096;

/// What is like the types of an API.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    serial: String,
    customer: u64,
    price: f32,
    mark: char,
    place: (i8, Option<bool>),
    parts: Vec<Part>,
    counts: HashMap<String, i64>,
    #[serde(default)]
    note: Note,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Part {
    Missing,
    Number(u16),
    Described { text: String, within: Vec<Vec<f64>> },
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(untagged)]
enum Note {
    #[default]
    None,
    Text(String),
    Lines(Vec<String>),
}

fn finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

fn order() -> impl Strategy<Value = Order> {
    let part = prop_oneof![
        Just(Part::Missing),
        any::<u16>().prop_map(Part::Number),
        (any::<String>(), vec(vec(finite(), 0..4), 0..4)).prop_map(|(text, within)| Part::Described { text, within }),
    ];
    let note = prop_oneof![
        Just(Note::None),
        any::<String>().prop_map(Note::Text),
        vec(any::<String>(), 0..4).prop_map(Note::Lines)
    ];
    let counts = proptest::collection::hash_map(any::<String>(), any::<i64>(), 0..4);
    let simple = (any::<String>(), any::<u64>(), -1e30_f32..1e30_f32, any::<char>(), any::<(i8, Option<bool>)>());
    (simple, vec(part, 0..6), counts, note).prop_map(|((serial, customer, price, mark, place), parts, counts, note)| {
        Order { serial, customer, price, mark, place, parts, counts, note, others: BTreeMap::new() }
    })
}

/// Something done to bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let damage = prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        any::<(Index, Index)>().prop_map(|(from, to)| Damage::Repeat(from, to)),
    ];
    vec(damage, 1..8)
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let within = |index: &Index| index.index(bytes.len() + 1);
        match damage {
            Damage::Set(at, byte) => {
                let at = within(at);
                bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Damage::Flip(at, bit) => {
                let at = within(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
            }
            Damage::Cut(at) => bytes.truncate(within(at)),
            Damage::Insert(at, inserted) => {
                let at = within(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Damage::Repeat(from, to) => {
                let (from, to) = (within(from), within(to));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
    bytes
}

/// MessagePack of every kind: each form of each type, text that is none, keys of any type, and lengths that lie.
fn msgpack() -> impl Strategy<Value = Vec<u8>> {
    let number = (select(&[0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3][..]), any::<[u8; 8]>());
    let text =
        prop_oneof![any::<String>().prop_map(String::into_bytes), vec(any::<u8>(), 0..40), Just(b"serial".to_vec())];
    let leaf = prop_oneof![
        select(&[0x00_u8, 0x7f, 0xc0, 0xc1, 0xc2, 0xc3, 0xe0, 0xff, 0x80, 0x90, 0xa0][..]).prop_map(|byte| vec![byte]),
        number.prop_map(|(marker, bytes): (u8, _)| {
            let length = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8][usize::from(marker - 0xca)];
            [&[marker], &bytes[..length]].concat()
        }),
        (text, select(&[(0xa0, 0xd9), (0xc4, 0xc4)][..]), 0..4_u32, lie()).prop_map(
            |(bytes, (fix, first), width, lie)| { [counted(fix, 32, first, width, bytes.len(), lie), bytes].concat() }
        ),
        (select(&[0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xc7, 0xc8, 0xc9][..]), vec(any::<u8>(), 0..24))
            .prop_map(|(marker, bytes)| [vec![marker], bytes].concat()),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        (any::<bool>(), 0..4_u32, lie(), vec((inner.clone(), inner), 0..8)).prop_map(|(map, width, lie, children)| {
            let (fix, first) = if map { (0x80, 0xdd) } else { (0x90, 0xdb) };
            let head = counted(fix, 16, first, width, children.len(), lie);
            let pairs = children.into_iter().flat_map(|(key, value)| if map { [key, value].concat() } else { value });
            head.into_iter().chain(pairs).collect()
        })
    })
}

/// A length in place of the true one, once in a while.
fn lie() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![20 => Just(None), 1 => any::<u32>().prop_map(Some), 1 => Just(Some(u32::MAX))]
}

/// A marker with a length: in the marker itself where it fits and the width is 0, else behind it in 1, 2 or 4 bytes.
fn counted(fix: u8, fits: usize, first: u8, width: u32, length: usize, lie: Option<u32>) -> Vec<u8> {
    let length = lie.unwrap_or(u32::try_from(length).unwrap());
    let [_, _, high, low] = length.to_be_bytes();
    match width {
        0 if fix != first && usize::try_from(length).unwrap() < fits => vec![fix | low],
        0 | 1 if first == 0xc4 || first == 0xd9 => vec![first, low],
        0..=2 => vec![first + 1, high, low],
        _ => [&[first + 2], &length.to_be_bytes()[..]].concat(),
    }
}

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "\\udc00",
    "null",
    "true",
    "NaN",
    "-",
    "0",
    "1e999",
    "-1e-999",
    "0.1",
    "18446744073709551616",
    "1e5",
    "\"serial\"",
    "\"parts\"",
    "\"Number\"",
    "\u{feff}",
    "\0",
    " ",
    "[{\"Described\":",
    "{\"serial\":\"a\",\"customer\":1,",
    "\"price\":",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![4 => select(WORDS).prop_map(str::to_owned), 1 => any::<String>()];
    vec(word, 0..40).prop_map(|words| words.concat().into_bytes())
}

/// Decodes, and checks what has to hold whatever is decoded.
fn try_decode<T: DeserializeOwned + Serialize>(payload: &Payload) {
    let before = ALLOCATOR.total_allocated();
    let decoded = decode::<T>(payload);
    let taken = ALLOCATOR.total_allocated() - before;
    assert!(taken <= FOR_ANY + FOR_EACH_BYTE * payload.bytes.len(), "{} bytes took {taken}", payload.bytes.len());
    match decoded {
        Ok(value) => {
            let again = |value: &T| {
                let encoded = encode(payload.encoding.clone(), value).unwrap();
                (decode::<T>(&encoded), encoded)
            };
            let (same, encoded) = again(&value);
            if let Ok(same) = same {
                assert_eq!(again(&same).1.bytes.len(), encoded.bytes.len());
            }
        }
        Err(error) => assert!(error.to_string().len() <= LONGEST_ERROR),
    }
}

fn try_everything(encoding: Encoding, bytes: Vec<u8>) {
    let payload = Payload { encoding, bytes: bytes.into() };
    try_decode::<Value>(&payload);
    try_decode::<Order>(&payload);
    try_decode::<Vec<Part>>(&payload);
    try_decode::<Note>(&payload);
    try_decode::<lightbus::rpc::Fault>(&payload);
    if let Ok(value) = decode::<Value>(&payload) {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let encoded = encode(encoding, &value).unwrap();
            assert_eq!(decode::<Value>(&encoded).unwrap(), value);
        }
    }
}

#[test]
fn arbitrary_bytes_do_no_harm() {
    let _alone = alone();
    proptest!(|(bytes in vec(any::<u8>(), 0..512))| {
        try_everything(Encoding::MessagePack, bytes.clone());
        try_everything(Encoding::Json, bytes);
    });
}

#[test]
fn arbitrary_msgpack_does_no_harm() {
    let _alone = alone();
    proptest!(|(bytes in msgpack(), damages in proptest::option::of(damage()))| {
        try_everything(Encoding::MessagePack, damaged(bytes, &damages.unwrap_or_default()));
    });
}

#[test]
fn arbitrary_json_does_no_harm() {
    let _alone = alone();
    proptest!(|(bytes in text())| try_everything(Encoding::Json, bytes));
}

#[test]
fn damaged_bodies_do_no_harm() {
    let _alone = alone();
    proptest!(|(order in order(), other in order(), damages in damage(), splice: (Index, Index))| {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let [one, other] = [&order, &other].map(|order| encode(encoding.clone(), order).unwrap().bytes);
            try_everything(encoding.clone(), damaged(one.to_vec(), &damages));
            let spliced = [&one[..splice.0.index(one.len())], &other[splice.1.index(other.len())..]].concat();
            try_everything(encoding, spliced);
        }
    });
}

/// What an error quotes of the body is cut, in the path as in the reason.
#[test]
fn errors_do_not_grow_with_the_body() {
    let _alone = alone();
    let long = "\u{1}".repeat(1 << 20);
    for body in [json!({ "a": { &long: "x" } }), json!({ "a": { "b": &long } }), json!({ &long: &long })] {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let payload = encode(encoding, &body).unwrap();
            let error = decode::<HashMap<String, HashMap<String, u64>>>(&payload).unwrap_err().to_string();
            assert!(error.len() <= LONGEST_ERROR, "{} bytes", error.len());
        }
    }
}
