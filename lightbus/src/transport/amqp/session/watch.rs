//! Watches over the connections of a session.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{Channel, Event};
use tokio::select;
use tokio::time::{MissedTickBehavior, interval};

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::connection::probe::Probe;
use crate::transport::amqp::connection::watchdog::SilenceLimit;
use crate::transport::amqp::errors::loss;
use crate::transport::amqp::session::Session;

/// How often the connections are checked. Lapin reports most losses by itself, but not every one.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Watches over a session until it is lost.
pub(crate) async fn watch(session: &Session, limit: SilenceLimit) {
    let Session { lifeline, publish, consume, .. } = session;
    let publishing = async {
        let watched = Watched { name: "publishing", connection: &publish.connection, probe: &publish.probe, lifeline };
        watched.watch(limit, || publish.is_open()).await;
    };
    let consuming = async {
        if let Some(consuming) = lifeline.while_alive(consume.connected()).await {
            let connection = &consuming.connection;
            let watched = Watched { name: "consuming", connection, probe: &consuming.probe, lifeline };
            watched.watch(limit, || consuming.is_open()).await;
        }
    };
    tokio::join!(publishing, consuming);
}

/// A connection that is watched.
struct Watched<'a> {
    name: &'static str,
    connection: &'a Connection,
    probe: &'a Channel,
    lifeline: &'a Lifeline,
}

impl Watched<'_> {
    async fn watch(&self, limit: SilenceLimit, is_open: impl Fn() -> bool) {
        let Self { name, connection, lifeline, .. } = self;
        let mut probe = Probe::new(connection, self.probe, limit);
        let mut events = connection.events();
        let mut tick = interval(WATCH_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = select! {
                biased;
                () = lifeline.lost() => return,
                Some(event) = events.next() => Some(event),
                _ = tick.tick() => {
                    // In case another version of lapin returns to its stream later than this one.
                    connection.wake();
                    if probe.poll() {
                        lifeline.fail_silent(format!("the broker no longer answers on the {name} connection"));
                    }
                    None
                }
            };
            let problem = match event {
                Some(Event::Error(error)) => loss(&error),
                Some(Event::ConnectionBlocked(why)) => {
                    tracing::warn!(
                        "the broker takes nothing on the {name} connection until further notice ({why}). It is short of \
                         memory or disk space: free some, or raise its limits"
                    );
                    continue;
                }
                Some(Event::ConnectionUnblocked) => {
                    tracing::info!("the broker takes messages on the {name} connection again");
                    continue;
                }
                _ => "lapin reports the connection as closed".to_owned(),
            };
            // Other channels are watched by the tasks that use them.
            if !is_open() {
                lifeline.fail(problem);
            }
        }
    }
}
