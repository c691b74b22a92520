//! One generation: the connections of a process and their channels, from when they stand until the first of them is lost.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::sync::{Notify, OnceCell};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::address::Address;
use super::consuming::ConsumingConnection;
use super::declare;
use super::errors::{ConnectFailure, Failure, OPERATION_TIMEOUT, bounded, reason};
use super::properties::{of_request, short};
use super::publisher::{self, Publisher};
use super::reached::Reached;
use super::topology::{Topology, default_exchange};
use super::wire::{Security, Wire, release, set_up};
use crate::config::BusUrl;
use crate::message::Request;
use crate::sync::Signal;
use crate::transport::{Generation, NotSent, WhyNotSent};

/// How many events may wait for the broker's confirm.
const EVENT_WINDOW: usize = 1024;

/// How long what is queued may take to be written before a connection is closed.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What every session of a transport is made from.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the bus is, as it is shown to people.
    pub(super) url: BusUrl,
    pub(super) security: Security,
    pub(super) topology: Topology,
    /// The process, as the broker's operators see it.
    pub(super) process: String,
}

/// Up to two connections and their channels. The second one keeps acknowledgements and deliveries going while the broker
/// holds back those who publish; it is made when the first queue is consumed: a process that only calls and publishes
/// would need nearly half as much memory again for lapin's buffers.
pub(super) struct Session {
    pub(super) generation: Generation,
    pub(super) plan: Arc<Plan>,
    /// The host that all connections go to.
    pub(super) address: Address,
    pub(super) publishing: Wire,
    /// Questions to the broker leave here.
    pub(super) pulse: Channel,
    /// Requests leave here without confirms, and their replies arrive here.
    pub(super) calls: Channel,
    /// Replies leave here.
    replies: Channel,
    /// Events leave here.
    pub(super) events: Publisher,
    /// Events leave here one at a time: those that are moved from queue to queue, as it has to be known which of them found
    /// none, and those that may be why a channel was closed.
    pub(super) singly: Publisher,
    consuming: OnceCell<Arc<ConsumingConnection>>,
    /// Rings when the connection for consuming is made.
    consuming_made: Notify,
    /// Rings at every call, for whoever looks for calls that nobody serves.
    pub(super) called: Notify,
    reached: Reached,
    lost: Signal,
    reason: OnceLock<Loss>,
}

/// Why a session was lost.
#[derive(Debug)]
struct Loss {
    reason: String,
    /// Whether the broker had gone silent.
    silent: bool,
}

impl Session {
    /// Connects to a host within `limit`, and sets the channels up. Nothing is consumed yet.
    pub(super) async fn open(
        plan: &Arc<Plan>,
        address: &Address,
        generation: Generation,
        tasks: &TaskTracker,
        limit: Duration,
    ) -> Result<Arc<Self>, ConnectFailure> {
        let Plan { security, topology, process, .. } = &**plan;
        let publishing = Wire::open(address, security, format!("{process} publish"), limit).await?;
        let declared = timeout(OPERATION_TIMEOUT, declare::events_exchange(&publishing, topology));
        let declared = declared.await.map_err(|_| ConnectFailure::Silent(OPERATION_TIMEOUT))?;
        declared.map_err(|refused| ConnectFailure::Setup(refused.into_error()))?;
        let channels = async {
            let (calls, replies, pulse) =
                (publishing.channel().await?, publishing.channel().await?, publishing.channel().await?);
            Ok((calls, replies, pulse, confirming(&publishing).await?, confirming(&publishing).await?))
        };
        let (calls, replies, pulse, event_channel, single_channel) = set_up(channels).await?;
        let (events, event_inbox) = Publisher::new();
        let (singly, single_inbox) = Publisher::new();
        let session = Arc::new(Self {
            generation,
            plan: Arc::clone(plan),
            address: address.clone(),
            publishing,
            pulse,
            calls,
            replies,
            events,
            singly,
            consuming: OnceCell::new(),
            consuming_made: Notify::new(),
            called: Notify::new(),
            reached: Reached::default(),
            lost: Signal::default(),
            reason: OnceLock::new(),
        });
        tasks.spawn(publisher::run(Arc::clone(&session), event_channel, event_inbox, EVENT_WINDOW));
        tasks.spawn(publisher::run(Arc::clone(&session), single_channel, single_inbox, 1));
        Ok(session)
    }

    /// The connection that queues are consumed on, which is made if there is none yet.
    pub(super) async fn consuming(&self) -> Result<Arc<ConsumingConnection>, Failure> {
        let opened = self.consuming.get_or_try_init(|| ConsumingConnection::open(&self.plan, &self.address)).await;
        let consuming = Arc::clone(opened.map_err(|failure| Failure::of_connecting(&failure))?);
        self.consuming_made.notify_one();
        Ok(consuming)
    }

    /// Waits until the connection is made that queues are consumed on.
    pub(super) async fn consuming_once_made(&self) -> Arc<ConsumingConnection> {
        loop {
            match self.consuming.get() {
                Some(consuming) => return Arc::clone(consuming),
                None => self.consuming_made.notified().await,
            }
        }
    }

    /// Declares the session lost. Only the first reason counts.
    pub(super) fn fail(&self, reason: String) {
        self.lose(Loss { reason, silent: false });
    }

    /// Declares the session lost because the broker has gone silent.
    pub(super) fn fall_silent(&self, reason: String) {
        self.lose(Loss { reason, silent: true });
    }

    fn lose(&self, loss: Loss) {
        let _ = self.reason.set(loss);
        self.lost.give();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_given()
    }

    /// Returns when the session is lost.
    pub(super) async fn lost(&self) {
        self.lost.given().await;
    }

    /// Waits, but no longer once the session is lost.
    pub(super) async fn while_alive<F: Future>(&self, future: F) -> Option<F::Output> {
        self.lost.until_given(future).await
    }

    /// Takes an operation's failure for the end of the session, unless the broker refused the operation alone.
    pub(super) fn judge(&self, failure: &Failure) {
        if !failure.is_refusal() {
            self.fail(failure.reason());
        }
    }

    /// Queues a request, without waiting for it to be written.
    pub(super) fn call(&self, request: Request) -> Result<(), NotSent> {
        let not_sent = |why, request| Err(NotSent { why, request: Box::new(request) });
        let queue = self.plan.topology.rpc_queue(&request.api);
        if self.plan.topology.has_quorum_rpc_queues() && !self.reached.contains(&queue) {
            return not_sent(WhyNotSent::NotReached, request);
        }
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (body, properties) = (&request.payload.bytes, of_request(&request, Instant::now()));
        // Lapin queues the frames at the first poll; what remains is to wait until they are written.
        let sent = self.calls.basic_publish(default_exchange(), short(queue), options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            self.fail(reason(&error));
            return not_sent(WhyNotSent::Lost, request);
        }
        self.publishing.write_soon();
        self.called.notify_one();
        Ok(())
    }

    /// Waits until requests for an API can be queued, or the session is lost.
    pub(super) async fn reach(&self, api: &str) {
        let queue = self.plan.topology.rpc_queue(api);
        self.while_alive(self.reached.reach(&self.publishing, &queue)).await;
    }

    /// Queues a reply, without waiting for it to be written. One that cannot leave is dropped: its caller is told of the
    /// loss of the connection, or its deadline passes.
    pub(super) fn reply(&self, to: ShortString, properties: BasicProperties, body: &Bytes) {
        let options = BasicPublishOptions::default();
        let sent = self.replies.basic_publish(default_exchange(), to, options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            self.fail(reason(&error));
        }
        self.publishing.write_soon();
    }

    /// Sends a reply, and waits until it is written. `false` when that fails.
    pub(super) async fn write_reply(&self, to: ShortString, properties: BasicProperties, body: &Bytes) -> bool {
        let options = BasicPublishOptions::default();
        let sent = self.replies.basic_publish(default_exchange(), to, options, body, properties);
        let mut written = pin!(self.while_alive(sent));
        let written = match written.as_mut().now_or_never() {
            Some(written) => written,
            None => {
                self.publishing.write_soon();
                written.await
            }
        };
        matches!(written, Some(Ok(_)))
    }

    /// Opens a channel whose messages the broker confirms.
    pub(super) async fn confirming_channel(&self) -> Result<Channel, Failure> {
        confirming(&self.publishing).await
    }

    /// Why the session was lost.
    pub(super) fn reason(&self) -> &str {
        self.reason.get().map_or("", |loss| &loss.reason)
    }

    /// Whether the session was given up because the broker had gone silent.
    pub(super) fn fell_silent(&self) -> bool {
        self.reason.get().is_some_and(|loss| loss.silent)
    }

    pub(super) fn publishing_stands(&self) -> bool {
        self.publishing.is_connected()
            && [&self.calls, &self.replies, &self.pulse].iter().all(|it| it.status().connected())
    }

    /// Lets what is queued leave, and closes the connections. Bounded in time.
    pub(super) async fn close(&self) {
        if !self.is_lost() {
            self.on_each(|wire| self.flush(wire)).await;
        }
        self.on_each(Wire::close).await;
        self.fail("it was closed".to_owned());
    }

    /// Does something with each connection, side by side.
    async fn on_each<'a, F: Future<Output = ()>>(&'a self, act: impl Fn(&'a Wire) -> F) {
        let consuming = async {
            if let Some(consuming) = self.consuming.get() {
                act(&consuming.wire).await;
            }
        };
        tokio::join!(act(&self.publishing), consuming);
    }

    /// Waits until everything that is queued on the connection is written: lapin lets a goodbye overtake it.
    async fn flush(&self, wire: &Wire) {
        let flushed = async {
            let Ok(channel) = wire.channel().await else { return };
            let (nowhere, options) = (short(self.plan.topology.nowhere()), BasicPublishOptions::default());
            // The broker drops a message that leads nowhere; when it is written, all that was queued before it is.
            let _ = channel.basic_publish(default_exchange(), nowhere, options, &[], BasicProperties::default()).await;
            release(channel).await;
        };
        let _ = timeout(FLUSH_TIMEOUT, flushed).await;
    }
}

async fn confirming(wire: &Wire) -> Result<Channel, Failure> {
    let channel = wire.channel().await?;
    bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("generation", &self.generation)
            .field("address", &self.address)
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}
