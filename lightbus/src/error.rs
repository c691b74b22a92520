//! The errors of everything except calls, which have [`CallError`](crate::CallError).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::duration::shown;
use crate::protocol::destination::Destination;
use crate::protocol::headers::HeaderError;
use crate::protocol::name::NameError;

/// The result of everything except calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How an operation on the bus can fail: one variant per cause. Calls have [`CallError`](crate::CallError).
///
/// | form | shows |
/// |---|---|
/// | `{error}` | the problem, in one sentence |
/// | [`error.help()`](Self::help) | the likely causes, and what to do |
/// | `{error:#}` | the problem, its causes and the help, on one line: for a log |
/// | `{error:?}` | the same on several lines; `fn main() -> lightbus::Result<()>` prints it |
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name breaks a rule.
    Name(#[from] NameError),

    /// A setting has a value that cannot be used.
    InvalidSetting {
        /// The setting, as `lightbus.toml` names it.
        setting: &'static str,
        /// What is wrong with its value.
        reason: String,
        /// What to write instead.
        advice: String,
    },

    /// The configuration cannot be read.
    InvalidConfiguration {
        /// What is wrong, and where.
        reason: String,
    },

    /// The first connection could not be made in time.
    CannotConnect {
        /// The URL without its password.
        url: String,
        /// How long the process tried.
        waited: Duration,
        /// Why the last attempt failed; for each host, if the URL names several.
        reason: String,
        /// What to do about it.
        advice: String,
    },

    /// Tokio's clock is paused, and a broker answers in real time.
    PausedClock {
        /// The URL without its password.
        url: String,
    },

    /// The broker does not allow another channel or connection. Everything that runs goes on.
    LimitReached {
        /// The operation.
        operation: String,
        /// Which limit is reached.
        reason: String,
    },

    /// The broker does not allow this user an operation.
    AccessRefused {
        /// The operation.
        operation: String,
        /// What the broker said.
        reason: String,
    },

    /// The broker has a queue or an exchange of this name that was declared differently.
    TopologyMismatch {
        /// The queue or the exchange.
        entity: String,
        /// What the broker said.
        reason: String,
    },

    /// The broker refused an operation for another reason, or did not answer in time.
    Broker {
        /// The operation.
        operation: String,
        /// What the broker said.
        reason: String,
    },

    /// This service does not own the API, so it may not publish the API's events.
    NotRegistered {
        /// The service.
        service: String,
        /// The API.
        api: String,
        /// The event's full name.
        event: String,
    },

    /// The event could not be encoded, so it was not published.
    InvalidEvent {
        /// The event's full name.
        event: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A header of the event cannot be sent, so it was not published.
    InvalidHeader {
        /// The event's full name.
        event: String,
        /// What is wrong with the header.
        error: HeaderError,
    },

    /// The event is larger than the limit, so it was not published.
    EventTooLarge {
        /// The event's full name.
        event: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// There was no connection to the broker, so the event was not published.
    NotConnected {
        /// The event's full name.
        event: String,
        /// How long `publish` waited.
        timeout: Duration,
    },

    /// The broker did not confirm the event. Subscribers may or may not receive it.
    NotConfirmed {
        /// The event's full name.
        event: String,
        /// Why no confirm arrived.
        reason: String,
    },

    /// A layer refused the event, so it was not published.
    Refused {
        /// The event's full name.
        event: String,
        /// What the layer said.
        reason: String,
    },

    /// The broker refused the event.
    PublishRefused {
        /// The event's full name.
        event: String,
    },

    /// This process already serves the API.
    AlreadyServing {
        /// The API.
        api: String,
    },

    /// This process already has a subscription of this name.
    AlreadySubscribed {
        /// The subscription.
        name: String,
    },

    /// The service has no subscription of this name.
    UnknownSubscription {
        /// The service.
        service: String,
        /// The name.
        name: String,
        /// Subscriptions with a similar name, as far as this process knows them.
        similar: Vec<String>,
    },

    /// The broker has no queue of the task: no process has served its API or enqueued it.
    // Hidden for as long as a trait cannot declare tasks.
    #[doc(hidden)]
    UnknownTask {
        /// The task's full name.
        task: String,
    },

    /// The bus was shut down.
    Closed,

    /// The tokio runtime that the bus was connected on has ended.
    RuntimeEnded,

    /// `connect` was awaited outside a tokio runtime.
    NoRuntime,

    /// [`Bus::run`](crate::Bus::run) cannot listen for the signals that end it.
    Signals(#[source] std::io::Error),

    /// A call failed. `?` turns every [`CallError`](crate::CallError) into this.
    Call {
        /// The [`CallError`](crate::CallError).
        error: Box<dyn StdError + Send + Sync>,
        /// Its [`help`](crate::CallError::help).
        help: Option<String>,
    },
}

impl Error {
    pub(crate) fn invalid_setting(setting: &'static str, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::InvalidSetting { setting, reason: reason.into(), advice: advice.into() }
    }

    /// There is no such destination on the broker.
    pub(crate) fn unknown(destination: &Destination, similar: Vec<String>) -> Self {
        match destination {
            Destination::Subscription { service, name } => {
                Self::UnknownSubscription { service: service.to_string(), name: name.to_string(), similar }
            }
            Destination::Task { .. } => Self::UnknownTask { task: destination.to_string() },
        }
    }

    /// The likely causes of the problem, and what to do. `None` if the problem says it all.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Name(_) => return None,
            Self::InvalidSetting { advice, .. } | Self::CannotConnect { advice, .. } => advice.as_str().into(),
            Self::InvalidConfiguration { .. } => "settings come from lightbus.toml (or the file that LIGHTBUS_CONFIG \
                names) and from the environment variables LIGHTBUS_*; docs/configuration.md lists all of them"
                .into(),
            Self::PausedClock { .. } => "use memory:// in tests that pause the clock, or let it run (no \
                `tokio::time::pause`, no `start_paused`)"
                .into(),
            Self::LimitReached { .. } => "each subscription and each served API takes one channel. Raise the limit, or \
                split the work over more processes"
                .into(),
            Self::AccessRefused { .. } => "only the service that owns an API serves it and publishes its events; if this \
                is for this service to do, grant the permission (docs/operations.md lists what each service needs), or \
                connect as the service's own user"
                .into(),
            Self::TopologyMismatch { .. } => "likely another version of Lightbus declared it, or a setting such as \
                `rpc_queue_type` has another value there. Use the same settings everywhere; or stop every process of the \
                service, delete it while it is empty, and start again"
                .into(),
            Self::Broker { .. } => "the broker's log may say more".into(),
            Self::NotRegistered { .. } => "the events of an API come from the service that owns it. Serve the API first \
                with `bus.serve(…Server::new(…))`; or, if no process of this service serves it, declare that the service \
                owns it with `bus.own_api::<…Api>()`"
                .into(),
            Self::InvalidEvent { .. } | Self::Refused { .. } => return None,
            Self::InvalidHeader { error, .. } => error.help(),
            Self::EventTooLarge { .. } => "publish less, or a reference to where the data is; or raise \
                `max_message_size` in every process, within the broker's own limit"
                .into(),
            Self::NotConnected { .. } => "likely the broker is down or cannot be reached. Lightbus keeps trying to \
                reconnect, and the log says why it fails"
                .into(),
            Self::NotConfirmed { .. } => "likely the connection was lost, the broker is short of memory or disk space, or \
                a quorum of its nodes is down. Publish the event again if subscribers can recognise repeats by its \
                contents"
                .into(),
            Self::PublishRefused { .. } => "likely the queue of a subscription has reached a length limit, or a quorum of \
                its nodes is down. Look at the broker's queues named {namespace}.event.*"
                .into(),
            Self::AlreadyServing { .. } => "serve each API once per process, and raise its `concurrency` to run more \
                calls at a time"
                .into(),
            Self::AlreadySubscribed { .. } => "the name is where the subscription's events wait on the broker, so each \
                subscription needs its own"
                .into(),
            Self::UnknownSubscription { similar, .. } => match similar.as_slice() {
                [] => "compare the name with the one in `bus.subscribe(name, …)`; `dead_letters_of` looks at another \
                    service's. A subscription exists on the broker from the first time that a process subscribes"
                    .into(),
                similar => format!("similar names are {}", similar.join(", ")).into(),
            },
            Self::UnknownTask { .. } => "compare the names with those in the trait. A task exists on the broker from the first \
                time that its API is served, or that it is enqueued"
                .into(),
            Self::Closed => "connect a new bus to go on".into(),
            Self::RuntimeEnded => "a bus runs on the runtime that `connect` was awaited on. Keep that runtime until the \
                bus is shut down; or, in tests, connect a bus on each runtime"
                .into(),
            Self::NoRuntime => "await it inside `#[tokio::main]`, `#[tokio::test]` or `Runtime::block_on`".into(),
            Self::Signals(_) => "use `bus.run_until(…)` with a future of your own".into(),
            Self::Call { help, .. } => return help.as_deref().map(Cow::Borrowed),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "{error}"),
            Self::InvalidSetting { setting, reason, .. } => {
                write!(f, "the setting `{setting}` cannot be used: {reason}")
            }
            Self::InvalidConfiguration { reason } => write!(f, "the configuration cannot be read: {reason}"),
            Self::CannotConnect { url, waited, reason, .. } => {
                write!(f, "cannot connect to {url}, tried for {}: {reason}", shown(*waited))
            }
            Self::PausedClock { url } => write!(
                f,
                "cannot connect to {url}: tokio's clock is paused, so every timeout passes before a broker can answer"
            ),
            Self::LimitReached { operation, reason } | Self::Broker { operation, reason } => {
                write!(f, "the broker could not {operation}: {reason}")
            }
            Self::AccessRefused { operation, reason } => {
                write!(f, "the broker does not allow this user to {operation}: {reason}")
            }
            Self::TopologyMismatch { entity, reason } => {
                write!(f, "{entity} exists on the broker with other settings: {reason}")
            }
            Self::NotRegistered { service, api, event } => {
                write!(f, "the service {service} may not publish {event}, because it does not own {api}")
            }
            Self::InvalidEvent { event, reason } => {
                write!(f, "{event} was not published, because it could not be encoded: {reason}")
            }
            Self::InvalidHeader { event, error } => write!(f, "{event} was not published: {error}"),
            Self::EventTooLarge { event, size, limit } => {
                write!(f, "{event} was not published, because it has {size} bytes and the limit is {limit}")
            }
            Self::NotConnected { event, timeout } => {
                write!(
                    f,
                    "{event} was not published, because there was no connection to the broker for {}",
                    shown(*timeout)
                )
            }
            Self::NotConfirmed { event, reason } => {
                write!(f, "{event} may or may not reach its subscribers: {reason}")
            }
            Self::Refused { event, reason } => write!(f, "{event} was refused: {reason}"),
            Self::PublishRefused { event } => write!(f, "the broker refused {event}"),
            Self::AlreadyServing { api } => write!(f, "this process already serves {api}"),
            Self::AlreadySubscribed { name } => write!(f, "this process already has a subscription {name:?}"),
            Self::UnknownSubscription { service, name, .. } => {
                write!(f, "the service {service} has no subscription {name:?}")
            }
            Self::UnknownTask { task } => write!(f, "there is no task {task}"),
            Self::Closed => f.write_str("this process has shut its bus down"),
            Self::RuntimeEnded => f.write_str("the tokio runtime of this bus has ended"),
            Self::NoRuntime => f.write_str("`connect` needs a tokio runtime, and there is none here"),
            Self::Signals(_) => f.write_str("cannot listen for SIGINT and SIGTERM"),
            Self::Call { error, .. } => write!(f, "{error}"),
        }?;
        if f.alternate() { in_one_line(f, self.source(), self.help()) } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        in_paragraphs(f, self.source(), self.help())
    }
}

/// Appends the causes and the help of an error to its problem.
pub(crate) fn in_one_line(
    f: &mut fmt::Formatter<'_>,
    source: Option<&(dyn StdError + 'static)>,
    help: Option<Cow<'_, str>>,
) -> fmt::Result {
    for cause in causes(source) {
        write!(f, ": {cause}")?;
    }
    help.map_or(Ok(()), |help| write!(f, ". Help: {help}"))
}

/// Appends the causes and the help of an error to its problem, each in a paragraph of its own.
pub(crate) fn in_paragraphs(
    f: &mut fmt::Formatter<'_>,
    source: Option<&(dyn StdError + 'static)>,
    help: Option<Cow<'_, str>>,
) -> fmt::Result {
    for cause in causes(source) {
        write!(f, "\n\nCaused by: {cause}")?;
    }
    help.map_or(Ok(()), |help| write!(f, "\n\nHelp: {help}"))
}

fn causes<'e>(source: Option<&'e (dyn StdError + 'static)>) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(source, |cause: &&'e (dyn StdError + 'static)| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_problem_and_on_request_the_causes_and_the_help() {
        let error = Error::Signals(std::io::Error::other("no handles left"));
        assert_eq!(error.to_string(), "cannot listen for SIGINT and SIGTERM");
        assert_eq!(
            format!("{error:#}"),
            "cannot listen for SIGINT and SIGTERM: no handles left. Help: use `bus.run_until(…)` with a future of your own"
        );
        assert_eq!(
            format!("{error:?}"),
            "cannot listen for SIGINT and SIGTERM\n\nCaused by: no handles left\n\nHelp: use `bus.run_until(…)` with a \
             future of your own"
        );
    }

    #[test]
    fn the_help_of_a_call_survives_its_conversion() {
        let call = crate::CallError::<std::convert::Infallible>::NoServer { api: "a.b".into(), method: "a.b.c".into() };
        let help = call.help().map(Cow::into_owned);
        assert!(help.is_some());
        assert_eq!(Error::from(call).help().map(Cow::into_owned), help);
    }
}
