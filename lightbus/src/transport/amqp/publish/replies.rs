//! Sends the replies of the APIs that this process serves.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::errors::reason;
use crate::transport::amqp::publish::flow::Flow;
use crate::transport::amqp::topology::default_exchange;

/// How many replies wait while the connection is blocked.
const QUEUED: usize = 4096;

/// A reply, ready to leave.
#[derive(Debug)]
pub(crate) struct OutgoingReply {
    pub(crate) to: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
    /// When its caller stops waiting.
    pub(crate) deadline: Option<Instant>,
}

/// Sends replies on one connection.
#[derive(Debug)]
pub(crate) struct Replies {
    sender: Arc<Sender>,
    queue: mpsc::Sender<OutgoingReply>,
}

#[derive(Debug)]
struct Sender {
    channel: Channel,
    flow: Arc<Flow>,
    lifeline: Arc<Lifeline>,
}

impl Replies {
    pub(crate) fn new(channel: Channel, flow: Arc<Flow>, lifeline: Arc<Lifeline>, tasks: &TaskTracker) -> Self {
        let (queue, queued) = mpsc::channel(QUEUED);
        let sender = Arc::new(Sender { channel, flow, lifeline });
        tasks.spawn(send_queued(Arc::clone(&sender), queued));
        Self { sender, queue }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.sender.channel
    }

    /// Sends a reply without waiting until it is written. A reply that cannot leave is dropped: its caller notices the loss
    /// of the connection, or its deadline passes.
    pub(crate) fn send(&self, reply: OutgoingReply) {
        if self.sender.flow.is_open() {
            self.sender.send(reply);
        } else if self.queue.try_send(reply).is_err() {
            tracing::warn!("a reply was dropped: the broker takes no messages, and {QUEUED} replies wait already");
        }
    }

    /// Sends a reply and waits until it is written. Returns `false` if that fails.
    pub(crate) async fn write(&self, reply: OutgoingReply) -> bool {
        let Sender { channel, flow, lifeline } = &*self.sender;
        let OutgoingReply { to, properties, body, .. } = reply;
        if !flow.is_open() {
            lifeline.while_alive(flow.pass()).await;
        }
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(default_exchange(), to, options, &body, properties);
        let mut written = pin!(lifeline.while_alive(sent));
        let written = match written.as_mut().now_or_never() {
            Some(written) => written,
            None => written.await,
        };
        matches!(written, Some(Ok(_)))
    }
}

impl Sender {
    fn send(&self, reply: OutgoingReply) {
        let OutgoingReply { to, properties, body, .. } = reply;
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish(default_exchange(), to, options, &body, properties);
        match sent.now_or_never() {
            Some(Err(error)) => {
                let (lifeline, reason) = (Arc::clone(&self.lifeline), reason(&error));
                tokio::spawn(async move { lifeline.fail_for_closed_channel(reason).await });
            }
            _ => self.flow.sent(),
        }
    }
}

/// Sends the replies that had to wait, but none whose caller no longer waits.
async fn send_queued(sender: Arc<Sender>, mut queued: mpsc::Receiver<OutgoingReply>) {
    let sending = async {
        while let Some(reply) = queued.recv().await {
            sender.flow.pass().await;
            if reply.deadline.is_none_or(|deadline| deadline > Instant::now()) {
                sender.send(reply);
            }
        }
    };
    sender.lifeline.while_alive(sending).await;
}
