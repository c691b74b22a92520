//! The place of a measurement: a broker, and a namespace on it that is used once.

use anyhow::Result;
use clap::{Args, ValueEnum};
use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use serde::{Deserialize, Serialize};

/// The API that is called, and the event of it, by their names on the bus.
pub(crate) const API: &str = "bench.warranty";
pub(crate) const METHOD: &str = "bench.warranty.check";
pub(crate) const EVENT: &str = "bench.warranty.registered";

/// The service that subscribes.
pub(crate) const SUBSCRIBER: &str = "subscriber";

/// A broker, and a namespace on it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The broker.
    #[arg(long, env = "LIGHTBUS_TEST_URL", hide_env_values = true)]
    pub(crate) url: String,
    /// The prefix of all queue names.
    #[arg(long)]
    pub(crate) namespace: String,
}

/// A kind of queue. Lightbus uses classic queues for calls by default, and quorum queues for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum QueueKind {
    Quorum,
    Classic,
}

impl QueueKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Classic => "classic",
        }
    }
}

impl Place {
    pub(crate) fn rpc_queue(&self) -> String {
        format!("{}.rpc.{API}", self.namespace)
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}.events", self.namespace)
    }

    pub(crate) fn subscription_queue(&self, number: usize) -> String {
        format!("{}.event.{SUBSCRIBER}.s{number}", self.namespace)
    }

    /// Connects with lapin, as its documentation shows.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Ok(Connection::connect(&self.url, ConnectionProperties::default()).await?)
    }

    /// Declares the queue for calls, exactly as Lightbus does: it declares it again, and the broker refuses differences.
    pub(crate) async fn declare_rpc_queue(&self, connection: &Connection, kind: QueueKind) -> Result<()> {
        let arguments = [("x-queue-type", text(kind.name())), ("x-expires", AMQPValue::LongLongInt(30_000))];
        declare_queue(connection, self.rpc_queue(), arguments).await
    }

    /// Declares the exchange and the queues of events. Quorum queues are declared exactly as Lightbus declares them.
    pub(crate) async fn declare_subscriptions(
        &self,
        connection: &Connection,
        kind: QueueKind,
        count: usize,
    ) -> Result<()> {
        let channel = connection.create_channel().await?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let exchange = self.exchange();
        channel.exchange_declare(short(&exchange), ExchangeKind::Topic, options, FieldTable::default()).await?;
        for number in 0..count {
            let queue = self.subscription_queue(number);
            match kind {
                QueueKind::Classic => {
                    declare_queue(connection, queue.clone(), [("x-queue-type", text("classic"))]).await?
                }
                QueueKind::Quorum => declare_quorum_queue(connection, &queue).await?,
            }
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            channel.queue_bind(short(&queue), short(&exchange), short(EVENT), options, arguments).await?;
        }
        Ok(())
    }

    /// Deletes everything that a measurement left, so that each one starts with the same broker.
    pub(crate) async fn clear(&self, connection: &Connection, subscriptions: usize) -> Result<()> {
        let channel = connection.create_channel().await?;
        let mut queues = vec![self.rpc_queue()];
        for number in 0..subscriptions {
            let queue = self.subscription_queue(number);
            queues.extend(["dead", "retry.1s", "retry.10s", "retry.60s"].map(|part| format!("{queue}.{part}")));
            queues.push(queue);
        }
        for queue in queues {
            channel.queue_delete(short(&queue), QueueDeleteOptions::default()).await?;
        }
        channel.exchange_delete(short(&self.exchange()), ExchangeDeleteOptions::default()).await?;
        Ok(())
    }
}

async fn declare_quorum_queue(connection: &Connection, queue: &str) -> Result<()> {
    let dead = format!("{queue}.dead");
    let limit = AMQPValue::LongLongInt(i32::MAX.into());
    declare_queue(connection, dead.clone(), [("x-queue-type", text("quorum")), ("x-delivery-limit", limit)]).await?;
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&dead)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-delivery-limit", AMQPValue::LongLongInt(20)),
    ];
    declare_queue(connection, queue.to_owned(), arguments).await
}

async fn declare_queue<const N: usize>(
    connection: &Connection,
    name: String,
    arguments: [(&str, AMQPValue); N],
) -> Result<()> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(short(name), value);
    }
    channel.queue_declare(name.into(), options, table).await?;
    Ok(())
}

pub(crate) fn short(text: &str) -> ShortString {
    ShortString::from(text)
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}
