//! What the broker says of its queues.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Queue};
use lightbus_test_support::broker::raw_channel;
use lightbus_test_support::command::output;
use lightbus_test_support::environment::variable;

/// How many messages are ready in a queue, and how many consumers it has.
pub async fn look(queue: &str) -> Queue {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    raw_channel().await.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap()
}

/// Whether a message with this routing key reaches any queue. It does not stay there for long.
pub async fn is_routed(exchange: &str, routing_key: &str) -> bool {
    let channel = raw_channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let published =
        channel.basic_publish(exchange.into(), routing_key.into(), options, &[], BasicProperties::default());
    published.await.unwrap().await.unwrap().take_message().is_none()
}

/// How many messages of a queue are delivered and not acknowledged.
pub async fn unacknowledged(queue: &str) -> u32 {
    let arguments = ["--quiet", "--no-table-headers", "list_queues", "name", "messages_unacknowledged"];
    let output = output(&variable("LIGHTBUS_TEST_RABBITMQCTL"), &arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let mut rows = listed.lines().filter_map(|row| row.split_once('\t'));
    rows.find(|(name, _)| *name == queue).unwrap().1.trim().parse().unwrap()
}
