//! The connection that queues are consumed on.

use std::sync::Arc;

use futures_util::FutureExt;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};

use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::{Connection, set_up};
use crate::transport::amqp::errors::{ConnectFailure, OPERATION_TIMEOUT, reason};
use crate::transport::amqp::session::SessionConfig;
use crate::transport::amqp::topology::default_exchange;

/// The connection that queues are consumed on.
#[derive(Debug)]
pub(crate) struct ConsumeConnection {
    pub(crate) connection: Connection,
    /// Requests that are given back leave here, on the connection that they were acknowledged on. Not on the channel that
    /// they came from: lapin closes that one when nobody holds it any more, before what is queued on it has left.
    requeue: Channel,
    /// Questions to the broker leave here.
    pub(crate) pulse: Channel,
}

impl ConsumeConnection {
    pub(crate) async fn open(plan: &SessionConfig, address: &Address) -> Result<Arc<Self>, ConnectFailure> {
        let name = format!("{} consume", plan.process);
        let connection = Connection::open(address, &plan.security, name, OPERATION_TIMEOUT).await?;
        let (requeue, pulse) = set_up(async { Ok((connection.channel().await?, connection.channel().await?)) }).await?;
        Ok(Arc::new(Self { connection, requeue, pulse }))
    }

    /// Queues a request for whoever takes it next, without waiting for it to be written.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(crate) fn requeue(&self, queue: ShortString, properties: BasicProperties, body: &[u8]) -> Result<(), String> {
        let options = BasicPublishOptions::default();
        let sent = self.requeue.basic_publish(default_exchange(), queue, options, body, properties);
        match sent.now_or_never() {
            Some(Err(error)) => Err(reason(&error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn stands(&self) -> bool {
        self.connection.is_connected() && self.requeue.status().connected() && self.pulse.status().connected()
    }
}
