use super::*;

fn event() -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(short("company.warranty.product_registered"))
        .with_message_id(short("0190"))
        .with_app_id(short("warranty"))
        .with_content_type(short("application/json"))
}

fn record(error: &str) -> FailureRecord {
    FailureRecord {
        reason: FailureReason::Rejected,
        error: error.into(),
        attempt: 3,
        process: "warranty@host:1".into(),
        at: Duration::from_millis(1_700_000_000_123),
        first_at: Duration::from_millis(1_700_000_000_001),
    }
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

#[test]
fn a_failed_event_keeps_its_properties_and_gets_a_failure_record() {
    let mut headers = FieldTable::default();
    headers.insert(short("tenant"), text("7"));
    headers.insert(short("CC"), AMQPValue::FieldArray(vec![text("another.queue")].into()));
    headers.insert(short("x-death"), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(FieldTable::default())].into()));
    headers.insert(short("x-first-death-reason"), text("expired"));
    let original = event()
        .with_headers(headers)
        .with_user_id(short("somebody"))
        .with_expiration(short("1000"))
        .with_priority(4)
        .with_timestamp(5);
    let dead = of_failed_event(&original, &record(&format!("{}ü", "x".repeat(4095))));
    assert_eq!(dead.kind(), original.kind());
    assert_eq!(dead.message_id(), original.message_id());
    assert_eq!(dead.app_id(), original.app_id());
    assert_eq!(dead.content_type(), original.content_type());
    assert_eq!((dead.delivery_mode(), dead.priority(), dead.timestamp()), (&Some(PERSISTENT), &Some(4), &Some(5)));
    assert!(dead.user_id().is_none() && dead.expiration().is_none());
    assert_eq!(header(&dead, "tenant"), Some(&text("7")));
    for name in ["CC", "x-death", "x-first-death-reason"] {
        assert_eq!(header(&dead, name), None, "{name}");
    }
    assert_eq!(header(&dead, "lightbus-reason"), Some(&text("rejected")));
    assert_eq!(header(&dead, "lightbus-error"), Some(&text(&"x".repeat(4095))));
    assert_eq!(header(&dead, "lightbus-attempt"), Some(&AMQPValue::LongLongInt(3)));
    assert_eq!(header(&dead, "lightbus-process"), Some(&text("warranty@host:1")));
    assert_eq!(header(&dead, "lightbus-failed-at"), Some(&AMQPValue::LongLongInt(1_700_000_000_123)));
    assert_eq!(header(&dead, "lightbus-first-failed-at"), Some(&AMQPValue::LongLongInt(1_700_000_000_001)));
    assert_eq!(attempt(&dead), (4, Some(Duration::from_millis(1_700_000_000_001))));
}

#[test]
fn attempts_are_counted_from_one_whatever_the_headers_say() {
    assert_eq!(attempt(&BasicProperties::default()), (1, None));
    for (value, expected) in [
        (AMQPValue::LongLongInt(3), 4),
        (AMQPValue::ShortShortUInt(3), 4),
        (AMQPValue::LongUInt(u32::MAX), u32::MAX),
        (AMQPValue::LongLongInt(i64::MAX), 1),
        (AMQPValue::LongInt(-3), 1),
        (text("3"), 1),
    ] {
        let mut headers = FieldTable::default();
        headers.insert(short(ATTEMPT), value.clone());
        assert_eq!(attempt(&BasicProperties::default().with_headers(headers)).0, expected, "{value:?}");
    }
}

#[test]
fn an_event_is_named_once() {
    let bare = named("company.warranty.product_registered", BasicProperties::default());
    assert_eq!(text_of(bare.kind()), "company.warranty.product_registered");
    assert!(!text_of(bare.message_id()).is_empty());
    let retried = named("the.queue", bare.clone());
    assert_eq!(retried, bare);
}

#[test]
fn an_event_may_be_named_by_a_header() {
    let mut headers = FieldTable::default();
    headers.insert(short("type"), text("company.warranty.product_registered"));
    let event = named("the.queue", BasicProperties::default().with_headers(headers));
    assert_eq!(text_of(event.kind()), "company.warranty.product_registered");
}

#[test]
fn a_dead_letter_is_read_as_it_was_written() {
    let letter = to_dead_letter(&of_failed_event(&event(), &record("full")), Bytes::from_static(b"\xc1"));
    assert_eq!((&*letter.id, &*letter.api, &*letter.event), ("0190", "company.warranty", "product_registered"));
    assert_eq!((&*letter.publisher, &*letter.payload.bytes), ("warranty", &b"\xc1"[..]));
    assert_eq!((letter.reason, &*letter.error, letter.attempts), (FailureReason::Rejected, "full", 3));
    assert_eq!(letter.process, "warranty@host:1");
    let at = |millis| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
    assert_eq!((letter.first_failed_at, letter.failed_at), (at(1_700_000_000_001), at(1_700_000_000_123)));
}

#[test]
fn a_dead_letter_without_headers_is_read() {
    let letter = to_dead_letter(&BasicProperties::default(), Bytes::new());
    assert_eq!((&*letter.id, &*letter.api, &*letter.event, &*letter.error), ("", "", "", ""));
    assert_eq!((letter.reason, letter.attempts, letter.failed_at), (FailureReason::Unknown, 0, None));
}

#[test]
fn a_dead_letter_of_the_brokers_is_named_by_its_first_routing_key() {
    let death = |reason, key| {
        let mut death = FieldTable::default();
        death.insert(short("reason"), text(reason));
        death.insert(short("routing-keys"), AMQPValue::FieldArray(vec![text(key)].into()));
        AMQPValue::FieldTable(death)
    };
    let mut headers = FieldTable::default();
    let deaths = vec![death("delivery_limit", "the.queue"), death("expired", "company.warranty.product_registered")];
    headers.insert(short("x-death"), AMQPValue::FieldArray(deaths.into()));
    let properties = BasicProperties::default().with_headers(headers);
    let letter = to_dead_letter(&properties, Bytes::new());
    assert_eq!((&*letter.api, &*letter.event), ("company.warranty", "product_registered"));
    assert_eq!(letter.reason, FailureReason::DeliveryLimit);
    assert_eq!(text_of(of_replayed_event(&properties).kind()), "company.warranty.product_registered");
}

#[test]
fn a_replayed_event_shows_no_failure() {
    let mut headers = FieldTable::default();
    headers.insert(short("tenant"), text("7"));
    let original = event().with_headers(headers);
    assert_eq!(of_replayed_event(&of_failed_event(&original, &record("full"))), original);
    assert_eq!(of_replayed_event(&of_failed_event(&event(), &record("full"))), event());
}
