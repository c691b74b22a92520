//! Queries the broker regularly, to know that a connection is alive.

use std::pin::Pin;

use futures_util::FutureExt;
use lapin::Channel;
use lapin::options::BasicQosOptions;

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::watchdog::{Observation, SilenceLimit, Watchdog};

/// Checks whether one connection is alive.
pub(crate) struct Probe<'a> {
    connection: &'a Connection,
    channel: &'a Channel,
    /// The query without an answer so far.
    query: Option<Query>,
    watchdog: Watchdog,
}

struct Query {
    answer: Pin<Box<dyn Future<Output = lapin::Result<()>> + Send>>,
    /// How often lapin had written before.
    writes: u64,
}

impl<'a> Probe<'a> {
    /// `channel` belongs to that connection, and nothing else uses it.
    pub(crate) fn new(connection: &'a Connection, channel: &'a Channel, limit: SilenceLimit) -> Self {
        Self { connection, channel, query: None, watchdog: Watchdog::new(limit) }
    }

    /// Checks whether anything was heard since the last check, and sends the next query. Returns `true` when the connection
    /// counts as dead.
    pub(crate) fn poll(&mut self) -> bool {
        let heard = self.connection.was_heard();
        let answered = self.query.as_mut().is_none_or(|query| (&mut query.answer).now_or_never().is_some());
        let observation = match self.connection.is_blocked() {
            true => Observation::Blocked,
            false if heard || answered => Observation::Heard,
            false if self.is_lapin_behind() => Observation::Behind,
            false => Observation::Silent,
        };
        if answered {
            // Lapin writes nothing while the connection is blocked.
            self.query = (observation != Observation::Blocked).then(|| self.query());
        }
        self.watchdog.observe(observation)
    }

    /// Whether lapin's thread is too busy to send the query or to read the answer. That is no silence of the broker's.
    fn is_lapin_behind(&self) -> bool {
        let sent = self.query.as_ref().is_none_or(|query| self.connection.writes() > query.writes);
        !sent || self.connection.has_unread()
    }

    /// Sets a prefetch on a channel without consumers: the cheapest operation that the broker answers.
    fn query(&self) -> Query {
        let (writes, channel) = (self.connection.writes(), self.channel.clone());
        let mut query =
            Query { answer: Box::pin(async move { channel.basic_qos(1, BasicQosOptions::default()).await }), writes };
        // The first poll sends it. It cannot be answered yet, and a failure shows in the state of the channel.
        if let Some(done) = (&mut query.answer).now_or_never() {
            query.answer = Box::pin(std::future::ready(done));
        }
        query
    }
}
