//! Peers that answer with lies.

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::wait::{GUARD, eventually};

use crate::many::complete;
use crate::worker::serve;

/// How often the liar repeats itself.
const REPEATS: usize = 3000;

/// Answers the first question with everything that an answer must not be.
async fn lie(channel: Channel, namespace: String) {
    let (queue, exchange) = (format!("{namespace}.control.liar.1"), format!("{namespace}.control"));
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.unwrap();
    let (name, source, bind) = (queue.as_str().into(), exchange.as_str().into(), QueueBindOptions::default());
    channel.queue_bind(name, source, "all".into(), bind, FieldTable::default()).await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
    let mut questions = consumer.await.unwrap();
    tokio::spawn(async move {
        while let Some(Ok(question)) = questions.next().await {
            let to = question.properties.reply_to().clone().unwrap();
            let id = question.properties.correlation_id().clone().unwrap();
            let properties = |process: &str, id: &str| {
                let mut headers = FieldTable::default();
                headers.insert("lightbus-process".into(), AMQPValue::LongString(process.into()));
                BasicProperties::default().with_type("ok".into()).with_correlation_id(id.into()).with_headers(headers)
            };
            let send = async |properties: BasicProperties, body: &[u8]| {
                let options = BasicPublishOptions::default();
                channel.basic_publish("".into(), to.clone(), options, body, properties).await.unwrap();
            };
            let id = id.as_str();
            send(properties("liar@garbage", id), b"\xc1\xff").await;
            send(properties("liar@nested", id), &[0x91; 200_000]).await;
            send(properties("liar@huge", id), &vec![0; 1_000_000]).await;
            send(properties("liar@type", id).with_type("cat".into()), b"\x80").await;
            send(properties("liar@json", id).with_content_type("image/png".into()), b"\x80").await;
            send(properties("liar@other", "another question"), b"\x80").await;
            send(properties("", id), b"\x80").await;
            send(BasicProperties::default().with_correlation_id(id.into()), b"\x80").await;
            for _ in 0..REPEATS {
                send(properties("liar@flood", id), b"\x80").await;
            }
            // It claims queues without number, and one that does not exist.
            let many: Vec<String> = (0..2000).map(|number| format!("liar.api{number}")).collect();
            let body = serde_json::to_vec(&serde_json::json!({"serves": many, "subscriptions": ["\u{7}", "no such"]}));
            send(properties("liar@queues", id).with_content_type("application/json".into()), &body.unwrap()).await;
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_lies_neither_exhausts_nor_confuses_who_asks() {
    let namespace = fresh_namespace();
    let (bell, asker) =
        (process("bell", &namespace).connect().await.unwrap(), process("asker", &namespace).connect().await.unwrap());
    serve(&bell).await;
    complete(&asker, 2).await;
    lie(raw_channel().await, namespace).await;

    let mut failed = Vec::new();
    // The last of the lies may come after the question.
    while failed.len() < 5 {
        let pings = asker.introspection().timeout(GUARD / 30).ping().await.unwrap();
        for process in [bell.process_id(), asker.process_id()] {
            assert_eq!(pings.of(process).unwrap().process, process);
        }
        assert!(pings.of("liar@other").is_none() && pings.answers.len() <= 4, "{:?}", pings.answers);
        let bell = pings.queues.iter().find(|queue| queue.queue.to_string() == "test.bell").unwrap();
        assert_eq!((bell.consumers, bell.answered), (Some(1), 1));
        failed = pings.failures.iter().map(|failure| failure.process.clone()).collect();
        assert!(pings.queues.len() <= 1000, "{}", pings.queues.len());
        println!("{} answers, {} failures, {} dropped", pings.answers.len(), failed.len(), pings.dropped);
    }
    failed.sort();
    assert_eq!(failed, ["liar@garbage", "liar@huge", "liar@json", "liar@nested", "liar@type"]);
    eventually("both processes are healthy", || asker.health().is_healthy() && bell.health().is_healthy()).await;
    bell.shutdown().await;
    asker.shutdown().await;
}
