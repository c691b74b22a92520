//! Keeps lapin's send queue short.
//!
//! Lapin queues messages without a limit, and writes none while the broker has blocked the connection. Once the broker reads
//! again, a long queue keeps lapin's thread too busy to read; and a message that waits there still leaves after its
//! deadline. So messages wait here, each in the task that sends it, and leave a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::topology::{Topology, default_exchange};

/// After how many messages it is checked whether they are written.
const MARK: u64 = 512;

/// How many messages may be unwritten.
const MOST_UNWRITTEN: u64 = 4 * MARK;

/// How many messages that had to wait leave at a time.
const BATCH: usize = 64;

/// How often a blocked connection is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Decides when messages may be handed to lapin, on one connection.
#[derive(Debug)]
pub(crate) struct Flow {
    connection: Arc<Connection>,
    marker: Marker,
    sent: AtomicU64,
    /// How many of those are known to be written.
    written: AtomicU64,
    waiting: AtomicUsize,
    /// Notified by the first message that has to wait.
    has_to_wait: Notify,
    permits: Semaphore,
    lifeline: Arc<Lifeline>,
    tasks: TaskTracker,
}

impl Flow {
    /// `probe` is a channel without consumers.
    pub(crate) fn start(
        connection: &Arc<Connection>,
        probe: &Channel,
        topology: &Topology,
        lifeline: &Arc<Lifeline>,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        let flow = Arc::new(Self {
            connection: Arc::clone(connection),
            marker: Marker::new(probe.clone(), topology),
            sent: AtomicU64::new(0),
            written: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            has_to_wait: Notify::new(),
            permits: Semaphore::new(0),
            lifeline: Arc::clone(lifeline),
            tasks: tasks.clone(),
        });
        tasks.spawn(Arc::clone(&flow).run());
        flow
    }

    /// Whether a message may leave at once.
    pub(crate) fn is_open(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0 && self.has_room()
    }

    fn has_room(&self) -> bool {
        let unwritten = self.sent.load(Ordering::Relaxed).saturating_sub(self.written.load(Ordering::Relaxed));
        unwritten < MOST_UNWRITTEN && !self.connection.is_blocked()
    }

    /// Waits until a message may leave.
    pub(crate) async fn pass(&self) {
        if self.is_open() {
            return;
        }
        let _waiting = Waiting::new(&self.waiting);
        self.has_to_wait.notify_one();
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }

    /// Counts a message that was handed to lapin.
    pub(crate) fn sent(self: &Arc<Self>) {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if sent.is_multiple_of(MARK) {
            let flow = Arc::clone(self);
            self.tasks.spawn(async move {
                if flow.lifeline.while_alive(flow.marker.write()).await.is_some() {
                    flow.written.fetch_max(sent, Ordering::Relaxed);
                }
            });
        }
    }

    /// Lets waiting messages leave, for as long as the session lasts.
    async fn run(self: Arc<Self>) {
        let release = async {
            loop {
                self.has_to_wait.notified().await;
                while self.waiting.load(Ordering::Relaxed) > 0 {
                    if self.has_room() {
                        self.permits.add_permits(BATCH);
                        yield_now().await;
                        self.marker.write().await;
                        // The others have given up in the meantime.
                        self.permits.forget_permits(BATCH);
                    } else {
                        sleep(CHECK_INTERVAL).await;
                    }
                }
            }
        };
        self.lifeline.while_alive(release).await;
    }
}

/// A message without a destination. When it is written, so is everything that was queued before it.
#[derive(Debug)]
pub(crate) struct Marker {
    channel: Channel,
    nowhere: ShortString,
}

impl Marker {
    pub(crate) fn new(channel: Channel, topology: &Topology) -> Self {
        Self { channel, nowhere: short(topology.nowhere()) }
    }

    /// Returns once the marker is written, or the connection is lost.
    pub(crate) async fn write(&self) {
        let (nowhere, options) = (self.nowhere.clone(), BasicPublishOptions::default());
        let _ = self.channel.basic_publish(default_exchange(), nowhere, options, &[], BasicProperties::default()).await;
    }
}

/// Counts a message for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
