//! The errors of everything but calls, which have [`CallError`](crate::CallError).

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::protocol::name::NameError;

/// The result of everything but calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How something on the bus can fail, calls apart: one variant a cause.
///
/// Its `Debug` form is the message too, because that is what `fn main() -> lightbus::Result<()>` shows a person.
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// A name breaks the rule of its kind.
    #[error(transparent)]
    Name(#[from] NameError),

    /// A setting cannot be used.
    #[error("the setting `{setting}` cannot be used: {reason}")]
    InvalidSetting {
        /// The setting, as it is called in `lightbus.toml`.
        setting: &'static str,
        /// What is wrong, and what to write instead.
        reason: String,
    },

    /// The configuration as a whole cannot be read.
    #[error(
        "the configuration cannot be read: {reason}. It comes from lightbus.toml (or the file that LIGHTBUS_CONFIG names) \
         and from the environment variables LIGHTBUS_*; the book's page \"Configuration\" lists every setting"
    )]
    InvalidConfiguration {
        /// What is wrong, and where.
        reason: String,
    },

    /// The first connection could not be made in time.
    #[error("cannot connect to {url}, tried for {waited:?}: {reason}. {advice}")]
    CannotConnect {
        /// The URL without its password.
        url: String,
        /// For how long it was tried.
        waited: Duration,
        /// Why the last attempt failed; for each host, when the URL names several.
        reason: String,
        /// What to do about it.
        advice: String,
    },

    /// Tokio's clock is paused, and a broker answers in real time.
    #[error(
        "cannot connect to {url}: tokio's clock is paused, so every timeout passes before a broker can answer. Use \
         memory:// in tests that pause the clock, or let it run (no `tokio::time::pause`, no `start_paused`)"
    )]
    PausedClock {
        /// The URL without its password.
        url: String,
    },

    /// The broker does not allow another channel or connection. Everything that runs goes on.
    #[error(
        "the broker could not {operation}: {reason}. Each subscription and each served API takes one channel. Raise the \
         limit, or split the work over more processes"
    )]
    LimitReached {
        /// What was tried.
        operation: String,
        /// Which limit is reached.
        reason: String,
    },

    /// The broker refuses this user an operation.
    #[error(
        "the broker does not allow this user to {operation}: {reason}. If it is for this service to do, grant the permission \
         (docs/operations.md lists what each service needs), or connect as the service's own user. Only the service that owns \
         an API serves it and publishes its events"
    )]
    AccessRefused {
        /// What was tried.
        operation: String,
        /// What the broker said.
        reason: String,
    },

    /// A queue or an exchange is on the broker already, but was declared differently.
    #[error(
        "{entity} is on the broker already, but with other settings: {reason}. Likely another version of Lightbus declared \
         it, or another value of a setting such as `rpc_queue_type`. Use the same settings everywhere; or, with every \
         process of the service stopped and the queue empty, delete it and start again"
    )]
    TopologyMismatch {
        /// The queue or the exchange.
        entity: String,
        /// What the broker said.
        reason: String,
    },

    /// The broker refused for another reason, or did not answer in time.
    #[error("the broker could not {operation}: {reason}. The broker's log may say more")]
    Broker {
        /// What was tried.
        operation: String,
        /// What the broker said.
        reason: String,
    },

    /// This service may not publish events of that API.
    #[error(
        "the service {service} may not publish {event}: events of {api} come from the service that owns the API. Serve it \
         with `bus.serve({server}::new(…))` first; or, if it is served by no process of this service, say that you own it \
         with `bus.own_api::<{descriptor}>()`",
        server = "…Server",
        descriptor = "…Api"
    )]
    NotRegistered {
        /// The service.
        service: String,
        /// The API.
        api: String,
        /// The event's full name.
        event: String,
    },

    /// The event could not be encoded, so it was not published.
    #[error("{event} was not published, it could not be encoded: {reason}")]
    InvalidEvent {
        /// The event's full name.
        event: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The event is larger than the limit, so it was not published.
    #[error(
        "{event} was not published: it is {size} bytes long and the limit is {limit}. Publish less, or a reference to where \
         the data lies; or raise `max_message_size` everywhere, within what the broker allows"
    )]
    EventTooLarge {
        /// The event's full name.
        event: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// There was no connection to the broker, so the event was not published.
    #[error(
        "{event} was not published: there was no connection to the broker for {timeout:?}. Likely the broker is down or \
         cannot be reached; Lightbus goes on trying to reconnect, and the log says why it fails"
    )]
    NotConnected {
        /// The event's full name.
        event: String,
        /// How long it was waited for.
        timeout: Duration,
    },

    /// The broker did not confirm the event in time. Whether subscribers get it is not known.
    #[error(
        "{event} was not confirmed by the broker within {timeout:?}, so subscribers may or may not get it. Likely the \
         connection was lost, or the broker is short of memory or disk space, or a quorum of its nodes is down. Publish the \
         event again if subscribers can tell repeats apart by its contents"
    )]
    NotConfirmed {
        /// The event's full name.
        event: String,
        /// How long it was waited for.
        timeout: Duration,
    },

    /// The broker refused to take the event.
    #[error(
        "the broker refused {event}. Likely a subscription's queue has reached a length limit, or the quorum of its nodes is \
         down. Look at the queues named {{namespace}}.event.* on the broker"
    )]
    PublishRefused {
        /// The event's full name.
        event: String,
    },

    /// This process serves the API already.
    #[error(
        "this process serves {api} already. Serve each API once a process; raise its concurrency for more calls at a time"
    )]
    AlreadyServing {
        /// The API.
        api: String,
    },

    /// This process has a subscription of that name already.
    #[error(
        "this process has a subscription {name:?} already. The name is where the subscription's events wait on the broker, so \
         give each its own"
    )]
    AlreadySubscribed {
        /// The subscription.
        name: String,
    },

    /// The bus has been shut down.
    #[error("this process has shut its bus down; connect a new one to go on")]
    Closed,

    /// The signals that end [`Bus::run`](crate::Bus::run) cannot be listened for.
    #[error("cannot listen for SIGINT and SIGTERM: {0}")]
    Signals(#[source] std::io::Error),

    /// A call failed; `?` turns any [`CallError`](crate::CallError) into this.
    #[error(transparent)]
    Call(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_shows_the_message() {
        let error = Error::AlreadySubscribed { name: "audit".to_owned() };
        assert!(format!("{error:?}").starts_with("this process has a subscription \"audit\" already."));
    }
}
