//! One generation: two connections and their channels, from when they stand until the first of them is lost.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Event};
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Address;
use super::declare;
use super::errors::{ConnectFailure, Failure, OPERATION_TIMEOUT, bounded, loss, reason};
use super::properties::{of_request, short};
use super::publisher::{self, Publisher};
use super::pulse::Pulse;
use super::reached::Reached;
use super::topology::{Topology, default_exchange};
use super::watchdog::Patience;
use super::wire::{Security, Wire, release};
use crate::config::BusUrl;
use crate::message::Request;
use crate::transport::{Generation, NotSent, WhyNotSent};

/// How often the connections are looked at. Lapin tells of most losses by itself, but not of every one.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

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

/// Two connections and their channels. A second connection keeps acknowledgements and deliveries going while the broker
/// holds back those who publish.
pub(super) struct Session {
    pub(super) generation: Generation,
    pub(super) plan: Arc<Plan>,
    /// The host that both connections go to.
    pub(super) address: Address,
    pub(super) publishing: Wire,
    pub(super) consuming: Wire,
    /// Requests leave here without confirms, and their replies arrive here.
    pub(super) calls: Channel,
    /// Replies leave here.
    replies: Channel,
    /// Requests that are given back leave here, on the connection that they were acknowledged on. Not on the channel that
    /// they came from: lapin closes that one when nobody holds it any more, before what is queued on it has left.
    returns: Channel,
    /// Events leave here.
    pub(super) events: Publisher,
    /// Events leave here one at a time: those that are moved from queue to queue, as it has to be known which of them found
    /// none, and those that may be why a channel was closed.
    pub(super) singly: Publisher,
    /// Questions to the broker leave here, one channel for each connection.
    pulses: [Channel; 2],
    /// Rings at every call, for whoever looks for calls that nobody serves.
    pub(super) called: Notify,
    reached: Reached,
    lost: CancellationToken,
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
    /// Connects to a host, each connection within `limit`, and sets the channels up. Nothing is consumed yet.
    pub(super) async fn open(
        plan: &Arc<Plan>,
        address: &Address,
        generation: Generation,
        tasks: &TaskTracker,
        limit: Duration,
    ) -> Result<Arc<Self>, ConnectFailure> {
        let Plan { security, topology, process, .. } = &**plan;
        let publishing = Wire::open(address, security, format!("{process} publish"), limit).await?;
        let consuming = Wire::open(address, security, format!("{process} consume"), limit).await?;
        let declared = timeout(OPERATION_TIMEOUT, declare::events_exchange(&publishing, topology));
        let declared = declared.await.map_err(|_| ConnectFailure::Silent(OPERATION_TIMEOUT))?;
        declared.map_err(|refused| ConnectFailure::Setup(refused.into_error()))?;
        let channels = async {
            let (calls, replies) = (publishing.channel().await?, publishing.channel().await?);
            let returns = consuming.channel().await?;
            let (events, singly) = (confirming(&publishing).await?, confirming(&publishing).await?);
            let pulses = [publishing.channel().await?, consuming.channel().await?];
            Ok((calls, replies, returns, events, singly, pulses))
        };
        let channels = timeout(OPERATION_TIMEOUT, channels).await.unwrap_or(Err(Failure::Silent));
        let (calls, replies, returns, event_channel, single_channel, pulses) = channels
            .map_err(|failure: Failure| ConnectFailure::Setup(failure.into_error("open its channels".to_owned())))?;
        let (events, event_inbox) = Publisher::new();
        let (singly, single_inbox) = Publisher::new();
        let session = Arc::new(Self {
            generation,
            plan: Arc::clone(plan),
            address: address.clone(),
            publishing,
            consuming,
            calls,
            replies,
            returns,
            events,
            singly,
            pulses,
            called: Notify::new(),
            reached: Reached::default(),
            lost: CancellationToken::new(),
            reason: OnceLock::new(),
        });
        tasks.spawn(publisher::run(Arc::clone(&session), event_channel, event_inbox, EVENT_WINDOW));
        tasks.spawn(publisher::run(Arc::clone(&session), single_channel, single_inbox, 1));
        Ok(session)
    }

    /// Declares the session lost. Only the first reason counts.
    pub(super) fn fail(&self, reason: String) {
        self.lose(Loss { reason, silent: false });
    }

    fn lose(&self, loss: Loss) {
        let _ = self.reason.set(loss);
        self.lost.cancel();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Returns when the session is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Waits, but no longer once the session is lost.
    pub(super) async fn while_alive<F: Future>(&self, future: F) -> Option<F::Output> {
        self.lost.run_until_cancelled(future).await
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
    }

    /// Sends a reply, and waits until it is written. `false` when that fails.
    pub(super) async fn write_reply(&self, to: ShortString, properties: BasicProperties, body: &Bytes) -> bool {
        let options = BasicPublishOptions::default();
        let sent = self.replies.basic_publish(default_exchange(), to, options, body, properties);
        matches!(self.while_alive(sent).await, Some(Ok(_)))
    }

    /// Queues a request for whoever takes it next, without waiting for it to be written.
    pub(super) fn give_back(&self, queue: &str, properties: BasicProperties, body: &Bytes) {
        let options = BasicPublishOptions::default();
        let sent = self.returns.basic_publish(default_exchange(), short(queue), options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            self.fail(reason(&error));
        }
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

    /// Watches over the session until it is lost.
    pub(super) async fn watch(&self, patience: Patience) {
        let [publishing, consuming] = &self.pulses;
        let mut pulses = [
            (Pulse::new(&self.publishing, publishing, patience), "publishing"),
            (Pulse::new(&self.consuming, consuming, patience), "consuming"),
        ];
        let (mut publishing, mut consuming) = (self.publishing.events(), self.consuming.events());
        let mut tick = interval(WATCH_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = select! {
                biased;
                () = self.lost.cancelled() => return,
                Some(event) = publishing.next() => Some((event, "publishing")),
                Some(event) = consuming.next() => Some((event, "consuming")),
                _ = tick.tick() => {
                    for (pulse, connection) in &mut pulses {
                        if pulse.feel() {
                            let reason = format!("the broker does not answer any more on the {connection} connection");
                            self.lose(Loss { reason, silent: true });
                        }
                    }
                    None
                }
            };
            let broken = match event {
                Some((Event::Error(error), _)) => loss(&error),
                Some((Event::ConnectionBlocked(why), connection)) => {
                    tracing::warn!(
                        "the broker takes nothing on the {connection} connection until further notice ({why}). It is short \
                         of memory or disk space: free some, or raise its limits"
                    );
                    continue;
                }
                Some((Event::ConnectionUnblocked, connection)) => {
                    tracing::info!("the broker takes messages on the {connection} connection again");
                    continue;
                }
                _ => "lapin reports the connection as closed".to_owned(),
            };
            // Channels that come and go with their purpose are looked after elsewhere.
            if !self.stands() {
                self.fail(broken);
            }
        }
    }

    fn stands(&self) -> bool {
        self.publishing.is_connected()
            && self.consuming.is_connected()
            && self.calls.status().connected()
            && self.replies.status().connected()
            && self.returns.status().connected()
            && self.pulses.iter().all(|pulse| pulse.status().connected())
    }

    /// Lets what is queued leave, and closes the connections. Bounded in time.
    pub(super) async fn close(&self) {
        if !self.is_lost() {
            tokio::join!(self.flush(&self.publishing), self.flush(&self.consuming));
        }
        tokio::join!(self.publishing.close(), self.consuming.close());
        self.fail("it was closed".to_owned());
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
