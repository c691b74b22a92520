//! Asks the broker something small again and again, to know that a connection is alive.

use std::pin::Pin;

use futures_util::FutureExt;
use lapin::Channel;
use lapin::options::BasicQosOptions;

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::session::watchdog::{Observation, Patience, Watchdog};

/// Feels the pulse of one connection.
pub(crate) struct Probe<'a> {
    connection: &'a Connection,
    channel: &'a Channel,
    /// The question that is not answered yet.
    asked: Option<Question>,
    watchdog: Watchdog,
}

type Question = Pin<Box<dyn Future<Output = lapin::Result<()>> + Send>>;

impl<'a> Probe<'a> {
    /// `channel` is one of that connection, on which nothing else happens.
    pub(crate) fn new(connection: &'a Connection, channel: &'a Channel, patience: Patience) -> Self {
        Self { connection, channel, asked: None, watchdog: Watchdog::new(patience) }
    }

    /// Looks whether anything was heard since the last look, and asks once more. `true` when the connection counts as
    /// dead.
    pub(crate) fn poll(&mut self) -> bool {
        let heard = self.connection.was_heard();
        let answered = self.asked.as_mut().is_none_or(|asked| asked.now_or_never().is_some());
        let look = match self.connection.is_blocked() {
            true => Observation::Blocked,
            false if heard || answered => Observation::Heard,
            false => Observation::Silent,
        };
        if answered {
            self.asked = None;
            // Lapin writes nothing while the connection is blocked.
            if look != Observation::Blocked {
                self.asked = Some(ask(self.channel.clone()));
            }
        }
        self.watchdog.look(look)
    }
}

/// Sets a limit for consumers on a channel that has none: the cheapest question that the broker answers.
fn ask(channel: Channel) -> Question {
    let mut question: Question = Box::pin(async move { channel.basic_qos(1, BasicQosOptions::default()).await });
    // The first poll sends it. An answer cannot be there yet, and a failure shows in the state of the channel.
    match (&mut question).now_or_never() {
        None => question,
        Some(done) => Box::pin(std::future::ready(done)),
    }
}
