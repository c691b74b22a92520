//! Watches over a session's connections, each for itself.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{Channel, Event};
use tokio::select;
use tokio::time::{MissedTickBehavior, interval};

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::errors::loss;
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::probe::Probe;
use crate::transport::amqp::session::watchdog::Patience;

/// How often the connections are looked at. Lapin tells of most losses by itself, but not of every one.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Watches over a session until it is lost.
pub(crate) async fn watch(session: &Session, patience: Patience) {
    let consuming = async {
        if let Some(consuming) = session.while_alive(session.consuming_once_made()).await {
            let stands = || consuming.stands();
            watch_over(session, (&consuming.connection, "consuming"), &consuming.pulse, patience, stands).await;
        }
    };
    let stands = || session.publishing_stands();
    tokio::join!(watch_over(session, (&session.publishing, "publishing"), &session.pulse, patience, stands), consuming);
}

async fn watch_over(
    session: &Session,
    (connection, name): (&Connection, &str),
    pulse: &Channel,
    patience: Patience,
    stands: impl Fn() -> bool,
) {
    let mut pulse = Probe::new(connection, pulse, patience);
    let mut events = connection.events();
    let mut tick = interval(WATCH_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = select! {
            biased;
            () = session.lost() => return,
            Some(event) = events.next() => Some(event),
            _ = tick.tick() => {
                // In case another lapin comes back to its stream later than this one does.
                connection.wake();
                if pulse.poll() {
                    session.fall_silent(format!("the broker does not answer any more on the {name} connection"));
                }
                None
            }
        };
        let broken = match event {
            Some(Event::Error(error)) => loss(&error),
            Some(Event::ConnectionBlocked(why)) => {
                tracing::warn!(
                    "the broker takes nothing on the {name} connection until further notice ({why}). It is short of memory \
                     or disk space: free some, or raise its limits"
                );
                continue;
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the broker takes messages on the {name} connection again");
                continue;
            }
            _ => "lapin reports the connection as closed".to_owned(),
        };
        // Channels that come and go with their purpose are looked after elsewhere.
        if !stands() {
            session.fail(broken);
        }
    }
}
