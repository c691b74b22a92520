//! The connection that queues are consumed on.

use std::sync::Arc;

use futures_util::FutureExt;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};

use super::address::Address;
use super::errors::{ConnectFailure, OPERATION_TIMEOUT, reason};
use super::session::Plan;
use super::topology::default_exchange;
use super::wire::{Wire, set_up};

/// The connection that queues are consumed on.
#[derive(Debug)]
pub(super) struct ConsumingConnection {
    pub(super) wire: Wire,
    /// Requests that are given back leave here, on the connection that they were acknowledged on. Not on the channel that
    /// they came from: lapin closes that one when nobody holds it any more, before what is queued on it has left.
    returns: Channel,
    /// Questions to the broker leave here.
    pub(super) pulse: Channel,
}

impl ConsumingConnection {
    pub(super) async fn open(plan: &Plan, address: &Address) -> Result<Arc<Self>, ConnectFailure> {
        let name = format!("{} consume", plan.process);
        let wire = Wire::open(address, &plan.security, name, OPERATION_TIMEOUT).await?;
        let (returns, pulse) = set_up(async { Ok((wire.channel().await?, wire.channel().await?)) }).await?;
        Ok(Arc::new(Self { wire, returns, pulse }))
    }

    /// Queues a request for whoever takes it next, without waiting for it to be written.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub(super) fn give_back(&self, queue: ShortString, properties: BasicProperties, body: &[u8]) -> Result<(), String> {
        let options = BasicPublishOptions::default();
        let sent = self.returns.basic_publish(default_exchange(), queue, options, body, properties);
        match sent.now_or_never() {
            Some(Err(error)) => Err(reason(&error)),
            _ => Ok(()),
        }
    }

    pub(super) fn stands(&self) -> bool {
        self.wire.is_connected() && self.returns.status().connected() && self.pulse.status().connected()
    }
}
