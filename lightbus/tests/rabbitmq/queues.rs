//! What the broker says of its queues.

use lapin::Queue;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lightbus_test_support::broker::raw_channel;
use lightbus_test_support::command::output;
use lightbus_test_support::environment::variable;

/// How many messages are ready in a queue, and how many consumers it has.
pub async fn look(queue: &str) -> Queue {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    raw_channel().await.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap()
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
