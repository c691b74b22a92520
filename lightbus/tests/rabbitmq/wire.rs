//! The messages byte by byte, as `docs/protocol.md` shows them.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use lightbus::codec::encode;
use lightbus::message::{Encoding, TraceContext};
use lightbus::prelude::*;
use lightbus::rpc::{Fault, FaultCode, FaultDetails};
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{GUARD, guarded, next};
use serde_json::{Value, json};

use crate::shop::{self, ProductRegistered, ShopError, WarrantyApi, WarrantyClient, registered};

/// The examples of the document: JSON, and the same as MessagePack.
fn examples() -> Vec<(Value, Vec<u8>)> {
    let document = include_str!("../../../docs/protocol.md");
    let (_, document) = document.split_once("## An example").unwrap();
    let mut examples = Vec::new();
    let mut json = None;
    for block in document.split("```").skip(1).step_by(2) {
        if let Some(text) = block.strip_prefix("json\n") {
            json = Some(serde_json::from_str(text).unwrap());
        } else if let (Some(text), Some(json)) = (block.strip_prefix("hex\n"), json.take()) {
            let two_digits = |word: &&str| word.len() == 2 && word.chars().all(|c| c.is_ascii_hexdigit());
            let line = |line: &'static str| {
                line.split_whitespace().take_while(two_digits).map(|word| u8::from_str_radix(word, 16).unwrap())
            };
            examples.push((json, text.lines().flat_map(line).collect()));
        }
    }
    examples
}

/// The bytes of the example with this JSON.
fn bytes_of(json: &Value) -> Vec<u8> {
    let example = examples().into_iter().find(|(example, _)| example == json);
    example.unwrap_or_else(|| panic!("docs/protocol.md has no example {json}")).1
}

/// A queue that takes the place of a Lightbus process.
async fn consume(channel: &Channel, queue: &str) -> lapin::Consumer {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.into(), "".into(), no_ack, FieldTable::default()).await.unwrap()
}

async fn next_delivery(consumer: &mut lapin::Consumer) -> Delivery {
    guarded(consumer.next()).await.unwrap().unwrap()
}

fn text(value: Option<&lapin::types::ShortString>) -> Option<&str> {
    value.map(|value| value.as_str())
}

fn trace() -> TraceContext {
    TraceContext {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        tracestate: Some("vendor=1".into()),
    }
}

fn header(delivery: &Delivery, name: &str) -> Option<AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name).cloned()
}

#[test]
fn the_examples_have_the_sizes_they_claim() {
    let examples = examples();
    assert!(examples.len() >= 5);
    for (json, bytes) in examples {
        let payload = lightbus::message::Payload { bytes: bytes.into(), ..Default::default() };
        assert_eq!(lightbus::codec::decode::<Value>(&payload).unwrap(), json);
    }
}

#[test]
fn errors_and_faults_are_the_bytes_of_the_examples() {
    let error = ShopError::UnknownProduct { serial: "SN-0042".into() };
    let bytes = encode(Encoding::MessagePack, &error).unwrap().bytes;
    assert_eq!(bytes, bytes_of(&json!({"UnknownProduct": {"serial": "SN-0042"}})));

    let fault = Fault {
        code: FaultCode::UnknownMethod,
        message: "no method \"chekc\"".into(),
        details: FaultDetails { methods: vec!["check".into(), "registered".into()], ..FaultDetails::default() },
    };
    let bytes = encode(Encoding::MessagePack, &fault).unwrap().bytes;
    assert_eq!(bytes, bytes_of(&serde_json::to_value(&fault).unwrap()));
}

fn of_type(name: &str) -> BasicProperties {
    BasicProperties::default().with_type(name.into())
}

#[tokio::test]
async fn a_request_is_as_documented() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let mut requests = consume(&channel, &format!("{namespace}.rpc.company.warranty")).await;
    let caller = process("support", &namespace).connect().await.unwrap();
    let warranty = WarrantyClient::new(&caller);
    let call = warranty.check("SN-0042").timeout(GUARD);
    let traced = warranty.check("SN-0042").trace(trace()).header("x-tenant", "north").timeout(GUARD);
    let calls = tokio::spawn(async move { tokio::join!(call, traced) });

    let (first, second) = (next_delivery(&mut requests).await, next_delivery(&mut requests).await);
    let properties = &first.properties;
    assert_eq!(first.data, bytes_of(&json!({"serial": "SN-0042"})));
    assert_eq!(text(properties.kind().as_ref()), Some("company.warranty.check"));
    assert_eq!(text(properties.app_id().as_ref()), Some("support"));
    assert!(text(properties.reply_to().as_ref()).unwrap().starts_with("amq.rabbitmq.reply-to."));
    let expiration: u64 = text(properties.expiration().as_ref()).unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&expiration));
    assert_eq!(properties.content_type(), &None);
    assert_eq!(properties.headers(), &None);
    assert_ne!(*properties.delivery_mode(), Some(2));
    let (id, other) =
        (properties.correlation_id().clone().unwrap(), second.properties.correlation_id().clone().unwrap());
    assert!(id != other && id.as_str().len() <= 24);
    let parent = AMQPValue::LongString(trace().traceparent.into());
    assert_eq!(header(&second, "traceparent"), Some(parent));
    assert_eq!(header(&second, "tracestate"), Some(AMQPValue::LongString("vendor=1".into())));
    assert_eq!(header(&second, "x-tenant"), Some(AMQPValue::LongString("north".into())));

    for request in [first, second] {
        let to = request.properties.reply_to().clone().unwrap();
        let properties = BasicProperties::default()
            .with_type("ok".into())
            .with_correlation_id(request.properties.correlation_id().clone().unwrap());
        let body = bytes_of(&json!({"until": "2027-05-01"}));
        channel.basic_publish("".into(), to, BasicPublishOptions::default(), &body, properties).await.unwrap();
    }
    let (one, other) = guarded(calls).await.unwrap();
    assert_eq!((one.unwrap().until, other.unwrap().until), ("2027-05-01".to_owned(), "2027-05-01".to_owned()));
    caller.shutdown().await;
}

/// Sends a request as a foreign caller would, and returns the reply.
async fn ask(namespace: &str, properties: BasicProperties, body: &[u8]) -> Delivery {
    let channel = raw_channel().await;
    let answers = format!("{namespace}.answers");
    let mut replies = consume(&channel, &answers).await;
    let properties = properties.with_reply_to(answers.into()).with_correlation_id("1".into());
    let queue = format!("{namespace}.rpc.company.warranty");
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.into(), options, body, properties).await.unwrap();
    next_delivery(&mut replies).await
}

#[tokio::test]
async fn replies_are_as_documented() {
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&server).await;
    let request = |method: &str| BasicProperties::default().with_type(format!("company.warranty.{method}").into());
    let serial = |serial: &str| encode(Default::default(), &json!({"serial": serial})).unwrap().bytes;

    let ok = ask(&namespace, request("check"), &serial("SN-0042")).await;
    assert_eq!(text(ok.properties.kind().as_ref()), Some("ok"));
    assert_eq!(text(ok.properties.correlation_id().as_ref()), Some("1"));
    assert_eq!(text(ok.properties.app_id().as_ref()), Some("warranty"));
    assert_eq!(ok.properties.content_type(), &None);
    assert_eq!(ok.data, bytes_of(&json!({"until": "2027-05-01"})));

    let error = ask(&namespace, request("check"), &serial("SN-9")).await;
    assert_eq!(text(error.properties.kind().as_ref()), Some("error"));
    let expected = json!({"UnknownProduct": {"serial": "SN-9"}});
    assert_eq!(error.data, encode(Default::default(), &expected).unwrap().bytes);

    let fault = ask(&namespace, request("chekc"), &serial("SN-0042")).await;
    assert_eq!(text(fault.properties.kind().as_ref()), Some("fault"));
    let payload = lightbus::message::Payload { bytes: fault.data.into(), ..Default::default() };
    let fault: Value = lightbus::codec::decode(&payload).unwrap();
    assert_eq!(fault["code"], "unknown_method");
    assert_eq!(fault["details"], json!({"methods": ["check", "hold"]}));

    // From a client that cannot set the property `type`.
    let mut headers = FieldTable::default();
    headers.insert("type".into(), AMQPValue::LongString("company.warranty.check".into()));
    let ok = ask(&namespace, BasicProperties::default().with_headers(headers), &serial("SN-0042")).await;
    assert_eq!(text(ok.properties.kind().as_ref()), Some("ok"));

    for properties in [BasicProperties::default(), of_type("check")] {
        let fault = ask(&namespace, properties, &[0x80]).await;
        assert_eq!(text(fault.properties.kind().as_ref()), Some("fault"));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_request_in_json_is_answered_in_json() {
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&server).await;
    let request = || of_type("company.warranty.check").with_content_type("application/json".into());
    let reply = ask(&namespace, request(), br#"{"serial": "SN-0042"}"#).await;
    assert_eq!(text(reply.properties.content_type().as_ref()), Some("application/json"));
    assert_eq!(reply.data, br#"{"until":"2027-05-01"}"#);
    // Text that is escaped cannot be lent from where it lies.
    let escaped = ask(&namespace, request(), br#"{"serial": "SN-\u003004\u0032"}"#).await;
    assert_eq!(escaped.data, br#"{"until":"2027-05-01"}"#);
    let fault = ask(&namespace, request(), br#"{"serial": 42}"#).await;
    let fault: Value = serde_json::from_slice(&fault.data).unwrap();
    assert_eq!((&fault["code"], &fault["details"]), (&json!("invalid_arguments"), &json!({"path": "serial"})));
    assert_eq!(fault["message"], "at `serial`: invalid type: integer `42`, expected a string at line 1 column 13");
    server.shutdown().await;
}

#[tokio::test]
async fn arguments_that_are_not_a_map_of_their_names_are_refused_and_unknown_ones_ignored() {
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).connect().await.unwrap();
    shop::serve(&server).await;
    let request = || of_type("company.warranty.check").with_content_type("Application/JSON".into());
    for (body, message) in [
        (r#"["SN-0042"]"#, "invalid type: sequence, expected a map of the arguments of check at line 1 column 1"),
        ("null", "invalid type: null, expected a map of the arguments of check at line 1 column 4"),
        ("{}", "missing field `serial` at line 1 column 2"),
        (r#"{"serial": "a", "serial": "b"}"#, "duplicate field `serial` at line 1 column 24"),
        ("{serial", "key must be a string at line 1 column 2"),
        ("", "EOF while parsing a value at line 1 column 0"),
    ] {
        let fault = ask(&namespace, request(), body.as_bytes()).await;
        let fault: Value = serde_json::from_slice(&fault.data).unwrap();
        assert_eq!((&fault["code"], &fault["message"]), (&json!("invalid_arguments"), &json!(message)));
    }
    let msgpack = || of_type("company.warranty.check");
    for (body, message) in [
        (&b""[..], "the body is empty. It must be one value"),
        (b"\x81\xa6serial\xa5SN", "at `serial`: the body ends within a value"),
        (b"\x81\x00\xa7SN-0042", "invalid type: integer `0`, expected a name"),
        (b"\x80\x80", "more bytes follow the value. The body must be one value and nothing else"),
    ] {
        let fault = ask(&namespace, msgpack(), body).await;
        let payload = lightbus::message::Payload { bytes: fault.data.into(), ..Default::default() };
        let fault: Value = lightbus::codec::decode(&payload).unwrap();
        assert_eq!((&fault["code"], &fault["message"]), (&json!("invalid_arguments"), &json!(message)));
    }
    let reply = ask(&namespace, request(), br#"{"later": [{}], "serial": "SN-0042"}"#).await;
    assert_eq!(reply.data, br#"{"until":"2027-05-01"}"#);
    server.shutdown().await;
}

#[tokio::test]
async fn a_fault_with_an_unknown_code_is_shown_with_its_code() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let mut requests = consume(&channel, &format!("{namespace}.rpc.company.warranty")).await;
    let caller = process("support", &namespace).connect().await.unwrap();
    let call = WarrantyClient::new(&caller).check("SN-0042").timeout(GUARD);
    let call = tokio::spawn(call);
    let request = next_delivery(&mut requests).await;
    let properties = BasicProperties::default()
        .with_type("fault".into())
        .with_correlation_id(request.properties.correlation_id().clone().unwrap());
    let fault = json!({"code": "overloaded", "message": "come back later"});
    let body = encode(Default::default(), &fault).unwrap().bytes;
    let to = request.properties.reply_to().clone().unwrap();
    channel.basic_publish("".into(), to, BasicPublishOptions::default(), &body, properties).await.unwrap();
    let error = guarded(call).await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("the unknown fault overloaded") && error.to_string().contains("come back later"),
        "{error}"
    );
    let CallError::Fault { fault, .. } = error else { panic!("{error:?}") };
    assert_eq!(fault.code, FaultCode::Unknown("overloaded".into()));
    caller.shutdown().await;
}

#[tokio::test]
async fn a_request_without_a_reply_address_is_served() {
    let namespace = fresh_namespace();
    let server = process("warranty", &namespace).connect().await.unwrap();
    let (mut begun, gate) = shop::serve(&server).await;
    let channel = raw_channel().await;
    let queue = format!("{namespace}.rpc.company.warranty");
    for reply_to in [None, Some("no.such.queue"), Some("amq.rabbitmq.reply-to.nonsense")] {
        let mut properties = of_type("company.warranty.hold");
        if let Some(reply_to) = reply_to {
            properties = properties.with_reply_to(reply_to.into());
        }
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), queue.as_str().into(), options, &[0x80], properties).await.unwrap();
        next(&mut begun).await;
        gate.add_permits(1);
    }
    WarrantyClient::new(&server).check("SN-0042").timeout(GUARD).await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn an_event_is_as_documented() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let desk = process("warranty", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    let queue = format!("{namespace}.audit");
    let mut events = consume(&channel, &queue).await;
    let exchange = format!("{namespace}.events");
    let binding = QueueBindOptions::default();
    channel.queue_bind(queue.into(), exchange.into(), "#".into(), binding, FieldTable::default()).await.unwrap();

    desk.publish(registered("SN-0042")).await.unwrap();
    let event = next_delivery(&mut events).await;
    assert_eq!(event.routing_key.as_str(), "company.warranty.product_registered");
    assert_eq!(event.data, bytes_of(&json!({"serial": "SN-0042", "customer": 1811})));
    let properties = &event.properties;
    assert_eq!(text(properties.kind().as_ref()), Some("company.warranty.product_registered"));
    assert_eq!(text(properties.app_id().as_ref()), Some("warranty"));
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!((properties.content_type(), properties.headers()), (&None, &None));
    let id: uuid::Uuid = text(properties.message_id().as_ref()).unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    desk.shutdown().await;
}

#[tokio::test]
async fn a_dead_letter_is_as_documented() {
    let (namespace, channel) = (fresh_namespace(), raw_channel().await);
    let bus = process("warranty", &namespace).connect().await.unwrap();
    bus.own_api::<WarrantyApi>();
    let (sender, mut ids) = tokio::sync::mpsc::unbounded_channel();
    bus.subscribe("registrations", move |event: ProductRegistered, ctx: Context| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(ctx.message_id().to_owned());
            let cause: u32 = event.serial.parse()?;
            Err(HandlerError::reject(format!("{cause} is too many")))
        }
    })
    .concurrency(1)
    .retries(Retries::none())
    .await
    .unwrap();
    for serial in ["not a number", "7"] {
        bus.publish(registered(serial)).trace(trace()).header("x-tenant", "north").await.unwrap();
    }
    // By hand, and not to be decoded: no id, no type.
    let exchange = format!("{namespace}.events");
    let key = "company.warranty.product_registered";
    let options = BasicPublishOptions::default();
    channel
        .basic_publish(exchange.into(), key.into(), options, b"\xc1garbage", BasicProperties::default())
        .await
        .unwrap();

    let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let dead = format!("{namespace}.event.warranty.registrations.dead");
    let mut dead = channel.basic_consume(dead.into(), "".into(), no_ack, FieldTable::default()).await.unwrap();
    let expected = [
        ("failed", "invalid digit found in string"),
        ("rejected", "7 is too many"),
        ("undecodable", "company.warranty.product_registered does not decode"),
    ];
    for (reason, error) in expected {
        let letter = next_delivery(&mut dead).await;
        assert_eq!(header(&letter, "lightbus-reason"), Some(AMQPValue::LongString(reason.into())));
        let Some(AMQPValue::LongString(text_of_error)) = header(&letter, "lightbus-error") else {
            panic!("{letter:?}")
        };
        assert!(text_of_error.to_string().contains(error), "{text_of_error}");
        assert!(header(&letter, "lightbus-attempt").is_some() && header(&letter, "lightbus-failed-at").is_some());
        let Some(AMQPValue::LongString(process)) = header(&letter, "lightbus-process") else { panic!("{letter:?}") };
        assert!(process.to_string().starts_with("warranty@"), "{process}");
        if reason == "undecodable" {
            assert_eq!(letter.data, b"\xc1garbage");
        } else {
            assert_eq!(text(letter.properties.message_id().as_ref()), Some(next(&mut ids).await.as_str()));
            assert_eq!(text(letter.properties.kind().as_ref()), Some(key));
            assert!(header(&letter, "traceparent").is_some());
            assert_eq!(header(&letter, "x-tenant"), Some(AMQPValue::LongString("north".into())));
        }
    }
    bus.shutdown().await;
}
