//! One session: the connections of a process, from when they are made until the first of them is lost.

mod connect_report;
pub(crate) mod hosts;
pub(crate) mod stall;
pub(crate) mod supervisor;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::lifeline::{Generation, Lifeline};
use crate::transport::amqp::connection::{Connection, Identity};
use crate::transport::amqp::consume::channel_limit::ChannelLimit;
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::errors::{ConnectFailure, OPERATION_TIMEOUT};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::flow::Marker;
use crate::transport::amqp::topology::{Topology, declare};

/// How long the messages that are queued may take to be written before a connection is closed.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The two sides of a session. Both connect to the same host, and are given up together.
pub(crate) struct Session {
    pub(crate) address: Address,
    pub(crate) lifeline: Arc<Lifeline>,
    pub(crate) publish: Arc<PublishSide>,
    pub(crate) consume: Arc<ConsumeSide>,
}

impl Session {
    /// Connects to a host within `limit` and opens the channels. Nothing is consumed yet.
    pub(crate) async fn open(
        identity: &Arc<Identity>,
        topology: &Arc<Topology>,
        channel_limit: &Arc<ChannelLimit>,
        address: &Address,
        generation: Generation,
        tasks: &TaskTracker,
        limit: Duration,
    ) -> Result<Self, ConnectFailure> {
        let name = format!("{} publish", identity.process);
        let connection = Arc::new(Connection::open(address, &identity.security, name, limit).await?);
        let declared = timeout(OPERATION_TIMEOUT, declare::events_exchange(&connection, topology));
        let declared = declared.await.map_err(|_| ConnectFailure::Silent(OPERATION_TIMEOUT))?;
        declared.map_err(|refused| ConnectFailure::Setup(refused.into_error()))?;
        let lifeline = Arc::new(Lifeline::new(generation));
        let publish = PublishSide::open(connection, topology, &lifeline, tasks).await?;
        let (identity, publishing) = (Arc::clone(identity), Arc::clone(&publish));
        let (channel_limit, lost) = (Arc::clone(channel_limit), Arc::clone(&lifeline));
        let consume = Arc::new(ConsumeSide::new(identity, address.clone(), publishing, channel_limit, lost));
        Ok(Self { address: address.clone(), lifeline, publish, consume })
    }

    /// Waits until the queued messages are written, and closes the connections. Bounded in time.
    pub(crate) async fn close(&self) {
        let consuming = self.consume.existing_connection();
        if !self.lifeline.is_lost() {
            let consuming = async {
                if let Some(consuming) = consuming {
                    self.flush(&consuming.probe).await;
                }
            };
            tokio::join!(self.flush(&self.publish.probe), consuming);
        }
        let consuming = async {
            if let Some(consuming) = consuming {
                consuming.connection.close().await;
            }
        };
        tokio::join!(self.publish.connection.close(), consuming);
        self.lifeline.fail("it was closed".to_owned());
    }

    /// Waits until everything that is queued on a connection is written: lapin sends the closing frame ahead of it.
    async fn flush(&self, probe: &Channel) {
        let marker = Marker::new(probe.clone(), &self.publish.topology);
        let _ = timeout(FLUSH_TIMEOUT, marker.write()).await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.address)
            .field("lifeline", &self.lifeline)
            .finish_non_exhaustive()
    }
}
