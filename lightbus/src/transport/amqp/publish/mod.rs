//! The publishing side of a session: calls, replies and events.

pub(crate) mod calls;
pub(crate) mod confirm_publisher;
pub(crate) mod event;
pub(crate) mod flow;
mod pending_confirms;
mod queue_readiness;
pub(crate) mod replies;
mod server_count;
pub(crate) mod transfer;

use std::fmt;
use std::sync::Arc;

use lapin::Channel;
use tokio_util::task::TaskTracker;

use crate::transport::amqp::connection::availability::SessionPart;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::connection::{Connection, set_up};
use crate::transport::amqp::errors::ConnectFailure;
use crate::transport::amqp::publish::calls::Calls;
use crate::transport::amqp::publish::confirm_publisher::ConfirmPublisher;
use crate::transport::amqp::publish::flow::Flow;
use crate::transport::amqp::publish::replies::Replies;
use crate::transport::amqp::topology::Topology;

/// How many events may wait for their confirms.
const EVENT_WINDOW: usize = 1024;

/// The connection of a session that publishes and calls, and its channels.
pub(crate) struct PublishSide {
    pub(crate) connection: Arc<Connection>,
    pub(crate) topology: Arc<Topology>,
    /// The probe's channel.
    pub(crate) probe: Channel,
    pub(crate) calls: Calls,
    pub(crate) replies: Replies,
    /// Publishes events.
    events: ConfirmPublisher,
    /// Publishes one event at a time: those that move from queue to queue, since it has to be known which of them found no
    /// queue, and those that may be the reason why a channel was closed.
    single: ConfirmPublisher,
    lifeline: Arc<Lifeline>,
}

impl PublishSide {
    /// Opens the channels of a connection that publishes.
    pub(crate) async fn open(
        connection: Arc<Connection>,
        topology: &Arc<Topology>,
        lifeline: &Arc<Lifeline>,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, ConnectFailure> {
        let channels = async {
            let (calls, replies, probe) =
                (connection.channel().await?, connection.channel().await?, connection.channel().await?);
            let confirming = async || confirm_publisher::channel(&connection).await;
            Ok((calls, replies, probe, confirming().await?, confirming().await?))
        };
        let (calls, replies, probe, events, single) = set_up(channels).await?;
        let flow = Flow::start(&connection, &probe, topology, lifeline, tasks);
        let publisher = |channel, window| {
            ConfirmPublisher::start(Arc::clone(&connection), Arc::clone(lifeline), channel, window, tasks)
        };
        Ok(Arc::new(Self {
            topology: Arc::clone(topology),
            probe,
            calls: Calls::new(&connection, calls, topology, &flow, lifeline),
            replies: Replies::new(replies, flow, Arc::clone(lifeline), tasks),
            events: publisher(events, EVENT_WINDOW),
            single: publisher(single, 1),
            lifeline: Arc::clone(lifeline),
            connection,
        }))
    }

    /// Whether the connection and the channels that it cannot do without are open.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_connected()
            && [self.calls.channel(), self.replies.channel(), &self.probe].iter().all(|it| it.status().connected())
    }
}

impl SessionPart for PublishSide {
    fn lifeline(&self) -> &Lifeline {
        &self.lifeline
    }
}

impl fmt::Debug for PublishSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishSide").field("lifeline", &self.lifeline).finish_non_exhaustive()
    }
}
