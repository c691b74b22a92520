use lapin::protocol::basic::parse_properties;
use lapin::types::AMQPValue;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CHANNEL: [u8; 2] = [0, 1];
const FRAME_END: u8 = 0xce;
/// The class, the weight and the size of the body.
const BEFORE_PROPERTIES: [u8; 12] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind], &CHANNEL[..], &size, payload, &[FRAME_END]].concat()
}

fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn header(properties: &[u8]) -> Vec<u8> {
    frame(HEADER, &[&BEFORE_PROPERTIES, properties].concat())
}

/// The frame of a message whose headers are this table, without its length.
fn with_headers(entries: &[u8]) -> Vec<u8> {
    header(&[&[0x20, 0][..], &long(entries)].concat())
}

/// The frame as it is when it is sanitized, and whether that changed it.
fn sanitized(frame: &[u8]) -> (Vec<u8>, bool) {
    let mut sanitized = frame.to_vec();
    let changed = sanitize(&mut sanitized);
    assert_eq!(sanitized.len(), frame.len());
    assert_eq!(changed, sanitized != frame);
    assert!(!sanitize(&mut sanitized.clone()), "nothing is left to be done");
    (sanitized, changed)
}

fn parsed(frame: &[u8]) -> lapin::BasicProperties {
    let properties = &frame[HEAD + BEFORE_PROPERTIES.len()..frame.len() - 1];
    let (rest, properties) = parse_properties(properties).unwrap();
    assert!(rest.is_empty());
    properties
}

/// A table within a table, so many times, as a value.
fn nested(kind: u8, levels: u32) -> Vec<u8> {
    let mut value = vec![b'V'];
    for _ in 0..levels {
        let named = if kind == b'F' { [short(b"in"), value].concat() } else { value };
        value = [vec![kind], long(&named)].concat();
    }
    value
}

fn depth(value: &AMQPValue) -> u32 {
    match value {
        AMQPValue::FieldTable(table) => 1 + table.inner().values().map(depth).max().unwrap_or(0),
        AMQPValue::FieldArray(array) => 1 + array.as_slice().iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[test]
fn text_that_is_not_utf8_is_replaced_byte_by_byte() {
    // A content type, a correlation id, a type.
    let properties = [&[0x84, 0x20][..], &short(b"text/\xffx"), &short("ä".as_bytes()), &short(b"a\xe2\x82")].concat();
    let (frame, changed) = sanitized(&header(&properties));
    assert!(changed);
    let properties = parsed(&frame);
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "text/?x");
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), "ä");
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "a??");
}

#[test]
fn the_names_of_headers_are_text_and_their_values_stay_as_they_are() {
    let value = [&b"S"[..], &long(b"\xff\xfe")].concat();
    let (frame, changed) = sanitized(&with_headers(&[short(b"\xff"), value].concat()));
    assert!(changed);
    let headers = parsed(&frame).headers().clone().unwrap();
    assert_eq!(headers.inner()["?"], AMQPValue::LongString(vec![0xff, 0xfe].into()));
}

#[test]
fn what_is_nested_too_deeply_becomes_binary() {
    for kind in [b'F', b'A'] {
        for (levels, expected) in [(MAX_NESTING, MAX_NESTING), (MAX_NESTING + 1, MAX_NESTING), (5000, MAX_NESTING)] {
            let (frame, changed) = sanitized(&with_headers(&[short(b"deep"), nested(kind, levels)].concat()));
            assert_eq!(changed, levels > MAX_NESTING);
            assert_eq!(depth(&parsed(&frame).headers().as_ref().unwrap().inner()["deep"]), expected);
        }
    }
}

#[test]
fn keys_and_exchanges_of_what_is_delivered_are_text() {
    let bad = short(b"k\xff");
    for (arguments, places) in [
        (&[&[0, 60, 0, 60][..], &bad, &[0; 9], &bad, &bad][..], 3),
        (&[&[0, 60, 0, 71], &[0; 9], &bad, &bad, &[0; 4]], 2),
        (&[&[0, 60, 0, 50], &[0; 2], &bad, &bad, &bad], 3),
        // Tables of what lapin is told about the broker, and other methods.
        (&[&[0, 10, 0, 10], &bad], 0),
        (&[&[0, 60, 0, 80], &bad], 0),
    ] {
        let (frame, changed) = sanitized(&frame(METHOD, &arguments.concat()));
        assert_eq!(frame.iter().filter(|&&byte| byte == REPLACEMENT).count(), places);
        assert_eq!(changed, places > 0);
    }
}

#[test]
fn bodies_and_other_bytes_pass_unchanged() {
    for bytes in [frame(BODY, b"\xff\xfe"), frame(HEARTBEAT, b""), Vec::new(), vec![HEADER], vec![METHOD; 12]] {
        assert!(!sanitized(&bytes).1);
    }
    assert_eq!(Frame::of(*b"AMQP\0\0\x09"), Frame::Foreign);
    assert_eq!(Frame::of(*b"HTTP/1."), Frame::Foreign);
    assert_eq!(Frame::of([BODY, 0, 1, 0, 0, 1, 0]), Frame::Pass(256 + 8));
    assert_eq!(Frame::of([HEADER, 0, 1, 0, 0, 0, 20]), Frame::Inspect(28));
}

/// A value of any type that RabbitMQ lets pass, with names of any bytes, as it is on the wire.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let fixed = |kind: u8, length: usize| vec(any::<u8>(), length).prop_map(move |bytes| [vec![kind], bytes].concat());
    let counted = |kind: u8| vec(any::<u8>(), 0..40).prop_map(move |bytes| [vec![kind], long(&bytes)].concat());
    let leaf = prop_oneof![
        Just(vec![b'V']),
        fixed(b't', 1),
        fixed(b'b', 1),
        fixed(b'B', 1),
        fixed(b's', 2),
        fixed(b'u', 2),
        fixed(b'I', 4),
        fixed(b'i', 4),
        fixed(b'f', 4),
        fixed(b'D', 5),
        fixed(b'l', 8),
        fixed(b'L', 8),
        fixed(b'd', 8),
        fixed(b'T', 8),
        counted(b'S'),
        counted(b'x'),
        (prop_oneof![Just(b'F'), Just(b'A')], 0..40_u32).prop_map(|(kind, levels)| nested(kind, levels)),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            entries(inner.clone()).prop_map(|entries| [vec![b'F'], long(&entries)].concat()),
            vec(inner, 0..4).prop_map(|values| [vec![b'A'], long(&values.concat())].concat()),
        ]
    })
}

fn entries(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let entry = (vec(any::<u8>(), 0..8), value).prop_map(|(name, value)| [short(&name), value].concat());
    vec(entry, 0..4).prop_map(|entries| entries.concat())
}

/// The properties of any message that RabbitMQ lets pass.
pub(crate) fn properties() -> impl Strategy<Value = Vec<u8>> {
    let texts = vec(prop_oneof![any::<String>().prop_map(String::into_bytes), vec(any::<u8>(), 0..256)], 14);
    (any::<u16>(), texts, entries(value()), any::<[u8; 8]>()).prop_map(|(flags, texts, headers, bytes)| {
        let flags = flags & !3;
        let values = (2..16).rev().filter(|bit| flags >> bit & 1 == 1).map(|bit| match bit {
            13 => long(&headers),
            11 | 12 => bytes[..1].to_vec(),
            6 => bytes.to_vec(),
            _ => short(&texts[bit - 2][..texts[bit - 2].len().min(255)]),
        });
        flags.to_be_bytes().into_iter().chain(values.flatten()).collect()
    })
}

proptest! {
    #[test]
    fn everything_that_rabbitmq_passes_on_can_be_parsed(properties in properties()) {
        let frame = header(&properties);
        let (sanitized, _) = sanitized(&frame);
        let properties = parsed(&sanitized);
        let headers = properties.headers().clone().unwrap_or_default();
        prop_assert!(headers.inner().values().all(|value| depth(value) <= MAX_NESTING));
    }

    #[test]
    fn arbitrary_frames_are_accepted(properties in properties(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut frame = header(&properties);
        let at = at.index(frame.len());
        if cut { frame.truncate(at) } else { frame[at] = byte }
        sanitized(&frame);
    }
}
