//! Waits until everything has settled, and moves time.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::TestBus;
use super::record::{shown, value_of};
use crate::duration::shown as shown_duration;
use crate::protocol::destination::Destination;
use crate::protocol::message::LONGEST_WAIT;

impl TestBus {
    /// Waits until everything that was caused so far has ended: calls, events, and their handlers, and what these have caused
    /// in turn. It counts them, and does not wait for silence.
    ///
    /// Events that wait for a later attempt are not waited for; [`advance`](Self::advance) moves the time on for them. Neither are
    /// tasks that a handler has spawned, except for their calls.
    ///
    /// # Panics
    ///
    /// After the [limit](Self::set_settle_limit), with a list of what has not ended.
    #[allow(clippy::panic, reason = "a failed assertion")]
    pub async fn settled(&self) {
        if self.causes.are_settled() {
            return;
        }
        tokio::select! {
            biased;
            () = self.causes.settled() => {}
            () = real_time(self.settle_limit) => panic!(
                "the bus of the test has not settled within {}. Under way are:\n  {}\nLikely a handler waits for \
                 something that the test has to do. `set_settle_limit` changes how long to wait",
                shown_duration(self.settle_limit),
                self.under_way().join("\n  "),
            ),
        }
    }

    /// Sets how long [`settled`](Self::settled) waits, of real time. The default is 30 seconds; a debugger needs longer.
    pub fn set_settle_limit(&mut self, limit: Duration) {
        self.settle_limit = limit;
    }

    /// Moves the time of the bus forward: events whose retries are due by then are handled again, one after the other. It returns
    /// once everything has settled.
    ///
    /// The time of the bus decides when an event is retried, and otherwise stands still. The deadlines of calls and the timers of
    /// handlers follow the time of the runtime.
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # use lightbus::testing::TestBus;
    /// # use std::time::Duration;
    /// # #[lightbus::api(name = "company.sales")]
    /// # pub trait Sales { #[event] fn product_sold(serial: String); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = TestBus::new().await;
    /// let warranty = bus.service("warranty").connect().await?;
    /// warranty.subscribe("start-cover", |_: ProductSold| async { Err::<(), _>("the database is away") }).await?;
    ///
    /// bus.publish(ProductSold { serial: "SN-0042".to_owned() }).await?;
    /// // It is retried at once, and after 1, 10 and 60 seconds.
    /// bus.advance(Duration::from_secs(71)).await;
    /// let letter = bus.expect_dead_letter("warranty", "start-cover");
    /// assert_eq!((letter.attempts, letter.error.as_str()), (5, "the database is away"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`settled`](Self::settled).
    pub async fn advance(&self, by: Duration) {
        let end = self.broker.now() + by.min(LONGEST_WAIT);
        self.settled().await;
        while let Some(due) = self.broker.next_retry().filter(|due| *due <= end) {
            self.move_to(due);
            self.settled().await;
        }
        self.move_to(end);
        self.settled().await;
    }

    fn move_to(&self, time: tokio::time::Instant) {
        let _cause = self.causes.begin();
        self.broker.move_to(time);
    }

    fn under_way(&self) -> Vec<String> {
        let mut all = self.ledger.unanswered();
        for (destination, event) in self.broker.unsettled_events() {
            let fields = shown(&value_of(&event.payload));
            all.push(match &destination {
                Destination::Subscription { service, name } => {
                    format!("{service} handles {} {fields} in the subscription {name}", event.full_name())
                }
                Destination::Task { .. } => format!("{destination} is run with {fields}"),
            });
        }
        if all.is_empty() {
            all.push("a call of the test or of a fake".to_owned());
        }
        all
    }
}

/// Waits on a thread, because a paused runtime moves its own time when it has nothing else to do.
async fn real_time(limit: Duration) {
    let (_dropped_with_this, waiting) = channel::<()>();
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        if waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = ended.send(());
        }
    });
    if end.await.is_err() {
        std::future::pending().await
    }
}
