use super::*;
use crate::transport::amqp::message::failed::named;

const API: &str = "company.warranty";

fn chosen(headers: &[(&str, &str)]) -> Headers {
    let mut chosen = Headers::default();
    for (name, value) in headers {
        chosen.insert(name, value).unwrap();
    }
    chosen
}

fn request() -> Request {
    Request {
        id: "a1b2-7".into(),
        api: API.into(),
        method: "check".into(),
        caller: "sales".into(),
        deadline: None,
        payload: Payload { encoding: Encoding::MessagePack, bytes: Bytes::from_static(b"\x80") },
        trace: Some(Box::new(TraceContext { traceparent: "00-aa-bb-01".into(), tracestate: Some("x=1".into()) })),
        headers: chosen(&[("x-tenant", "north")]),
    }
}

fn event() -> EventMessage {
    EventMessage {
        id: "0190".into(),
        api: API.into(),
        event: "product_registered".into(),
        publisher: "warranty".into(),
        payload: Payload { encoding: Encoding::Json, bytes: Bytes::from_static(b"{}") },
        trace: None,
        headers: Headers::default(),
    }
}

#[test]
fn a_request_comes_back_as_it_was_sent() {
    let now = Instant::now();
    let sent = Request { deadline: Some(now + Duration::from_micros(1_500_001)), ..request() };
    let properties = of_request(&sent, now);
    assert_eq!(text_of(properties.kind()), "company.warranty.check");
    assert_eq!(text_of(properties.reply_to()), REPLY_TO);
    assert_eq!(text_of(properties.expiration()), "1501", "rounded up");
    assert!(properties.content_type().is_none() && properties.delivery_mode().is_none());
    let got = to_request(API, &properties, sent.payload.bytes.clone(), now);
    assert_eq!((got.id, got.api, got.method, got.caller), (sent.id, sent.api, sent.method, sent.caller));
    assert_eq!(got.deadline, Some(now + Duration::from_millis(1501)));
    assert_eq!((got.payload, got.trace), (sent.payload, sent.trace));
}

#[test]
fn a_reply_comes_back_as_it_was_sent() {
    for kind in [ReplyKind::Ok, ReplyKind::Error, ReplyKind::Fault] {
        let sent = Reply { kind: Some(kind), server: "warranty".into(), payload: event().payload };
        let properties = of_reply(&sent, Some(short("a1b2-7")));
        assert_eq!(text_of(properties.content_type()), "application/json");
        let (id, got) = to_reply(&properties, sent.payload.bytes.clone());
        assert_eq!((id, got.kind, got.server, got.payload), ("a1b2-7", sent.kind, sent.server, sent.payload));
    }
}

#[test]
fn an_event_comes_back_as_it_was_sent() {
    let sent = event();
    let properties = of_event(&sent);
    assert_eq!(*properties.delivery_mode(), Some(PERSISTENT));
    assert!(properties.headers().is_none() && properties.expiration().is_none());
    assert_eq!(routing_key(&sent).as_str(), "company.warranty.product_registered");
    let got = to_event(&named("another.key", properties), sent.payload.bytes.clone());
    assert_eq!((got.id, got.api, got.event, got.publisher), (sent.id, sent.api, sent.event, sent.publisher));
    assert_eq!((got.payload, got.trace), (sent.payload, sent.trace));
}

#[test]
fn a_message_without_properties_is_read_leniently() {
    let bare = BasicProperties::default();
    let request = to_request(API, &bare, Bytes::new(), Instant::now());
    assert_eq!((&*request.id, &*request.api, &*request.method, &*request.caller), ("", API, "", ""));
    assert_eq!((request.deadline, request.trace), (None, None));
    let (id, reply) = to_reply(&bare, Bytes::new());
    assert_eq!((id, reply.kind, &*reply.server), ("", None, ""));
    let event = to_event(&named("company.warranty.product_registered", bare.clone()), Bytes::new());
    assert_eq!((&*event.api, &*event.event), (API, "product_registered"));
    assert!(uuid::Uuid::parse_str(&event.id).is_ok_and(|id| id.get_version_num() == 7));
    assert_eq!(to_event(&named("", bare), Bytes::new()).event, "");
}

#[test]
fn a_method_of_another_api_is_none_of_this_one() {
    for (kind, method) in [
        ("company.warranty.check", "check"),
        ("company.sales.check", "company.sales.check"),
        ("company.warrantycheck", "company.warrantycheck"),
        ("company.warranty.", ""),
        ("company.warranty.deep.check", "deep.check"),
    ] {
        let properties = BasicProperties::default().with_type(short(kind));
        assert_eq!(to_request(API, &properties, Bytes::new(), Instant::now()).method, method, "{kind}");
    }
}

#[test]
fn expirations_are_within_what_the_broker_takes() {
    for (time_left, expected) in [
        (Duration::ZERO, "1"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_millis(1), "1"),
        (Duration::from_nanos(1_000_001), "2"),
        (Duration::MAX, "4294967295"),
    ] {
        assert_eq!(expiration(time_left).as_str(), expected);
    }
    let now = Instant::now();
    let properties = BasicProperties::default().with_expiration(short(u64::MAX.to_string()));
    assert_eq!(to_request(API, &properties, Bytes::new(), now).deadline, Some(now + LONGEST_WAIT));
    for unreadable in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
        let properties = BasicProperties::default().with_expiration(short(unreadable));
        assert_eq!(to_request(API, &properties, Bytes::new(), Instant::now()).deadline, None, "{unreadable}");
    }
}

#[test]
fn trace_headers_of_other_types_are_no_trace() {
    let with = |value| {
        let mut headers = FieldTable::default();
        headers.insert(short("traceparent"), value);
        to_request(API, &BasicProperties::default().with_headers(headers), Bytes::new(), Instant::now()).trace
    };
    assert!(with(AMQPValue::LongLongInt(1)).is_none());
    assert!(with(AMQPValue::LongString(vec![0xff, 0xfe].into())).is_none());
    assert!(with(AMQPValue::Void).is_none());
    assert_eq!(with(AMQPValue::ShortString(short("00-a"))).map(|trace| trace.traceparent).as_deref(), Some("00-a"));
}

#[test]
fn headers_of_others_are_read_as_far_as_they_keep_the_rules() {
    let read = |entries: &[(&str, AMQPValue)]| {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert(short(*name), value.clone());
        }
        headers(&BasicProperties::default().with_headers(table))
    };
    let entries = [
        ("x-tenant", text("north")),
        ("x-count", AMQPValue::LongInt(7)),
        ("x-first-death-queue", text("jobs")),
        ("X-Tenant", text("south")),
        ("tenant", text("south")),
        ("x-broken", AMQPValue::LongString(vec![0xff].into())),
        ("x-injected", text("a\r\nb")),
        ("x-long", text(&"x".repeat(5000))),
        ("x-short", AMQPValue::ShortString(short("yes"))),
    ];
    assert_eq!(read(&entries), chosen(&[("x-short", "yes"), ("x-tenant", "north")]));
    let many: Vec<_> = (0..1000).map(|number| (format!("x-{number:03}"), text("v"))).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (&**name, value.clone())).collect();
    assert_eq!(read(&many).iter().count(), 32);
}

#[test]
fn traces_that_are_too_long_are_not_passed_on() {
    let traced = |parent: usize, state: usize| {
        let trace = TraceContext { traceparent: "0".repeat(parent), tracestate: Some("x".repeat(state)) };
        let mut headers = FieldTable::default();
        headers.insert(short("traceparent"), text(&trace.traceparent));
        headers.insert(short("tracestate"), text(trace.tracestate.as_deref().unwrap()));
        let read =
            to_request(API, &BasicProperties::default().with_headers(headers), Bytes::new(), Instant::now()).trace;
        let properties = of_request(&Request { trace: Some(Box::new(trace)), ..request() }, Instant::now());
        assert_eq!(to_request(API, &properties, Bytes::new(), Instant::now()).trace, read);
        read.map(|trace| (trace.traceparent.len(), trace.tracestate.map(|state| state.len())))
    };
    assert_eq!(traced(55, 512), Some((55, Some(512))));
    assert_eq!(traced(MAX_TRACEPARENT, MAX_TRACESTATE), Some((MAX_TRACEPARENT, Some(MAX_TRACESTATE))));
    assert_eq!(traced(55, MAX_TRACESTATE + 1), Some((55, None)));
    assert_eq!(traced(MAX_TRACEPARENT + 1, 1), None);
}

#[test]
fn what_is_too_long_is_cut_between_characters() {
    let long = "ü".repeat(200);
    assert_eq!(short(&*long).as_str().len(), 254);
    assert_eq!(short("x".repeat(255)).as_str().len(), 255);
    assert_eq!(short("x".repeat(256)).as_str().len(), 255);
    let mut event = event();
    event.publisher = long.clone().into();
    event.id = long.clone().into();
    assert_eq!(text_of(of_event(&event).app_id()).len(), 254);
}

#[test]
fn a_request_that_is_given_back_is_the_same_but_for_its_age() {
    let now = Instant::now();
    let sent = Request { deadline: Some(now + Duration::from_micros(1_500_001)), ..request() };
    let original = of_request(&sent, now).with_user_id(short("somebody"));
    let returned = of_returned_request(&original, Duration::from_millis(501)).unwrap();
    assert_eq!(returned.correlation_id(), original.correlation_id());
    assert_eq!(returned.reply_to(), original.reply_to());
    assert_eq!(returned.kind(), original.kind());
    assert_eq!(returned.app_id(), original.app_id());
    assert_eq!(returned.headers(), original.headers());
    assert_eq!(text_of(returned.expiration()), "1000");
    assert!(returned.user_id().is_none());
    assert!(of_returned_request(&original, Duration::from_secs(2)).is_none(), "its caller waits no longer");
    assert!(of_returned_request(&BasicProperties::default(), Duration::from_secs(2)).is_some());
}
