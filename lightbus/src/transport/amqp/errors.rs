//! The failures of operations and connections, and what to do about them.

use std::future::Future;
use std::io;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use tokio::time::timeout;

use crate::duration::shown;
use crate::error::Error;

/// How long one operation of the broker may take. A connection on which operations take longer is given up.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an operation on a connection failed.
#[derive(Debug, Clone)]
pub(super) enum OperationError {
    /// The broker refused, or the connection or channel is gone.
    Lapin(lapin::Error),
    /// The broker did not answer in time.
    Silent,
    /// The connection has as many channels as the broker allows.
    ChannelLimit(u16),
    /// The operation was not tried, because the broker has refused it for a limit before. It is what the broker said then.
    KnownLimit(String),
    /// The broker has blocked the connection.
    Blocked,
    /// A further connection could not be made. The reason includes what to do.
    NotConnected { reason: String, refused: bool, limit: bool },
}

/// Awaits an operation of the broker, for at most [`OPERATION_TIMEOUT`].
pub(super) async fn bounded<T>(operation: impl Future<Output = lapin::Result<T>>) -> Result<T, OperationError> {
    match timeout(OPERATION_TIMEOUT, operation).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(OperationError::Lapin(error)),
        Err(_) => Err(OperationError::Silent),
    }
}

/// Rounds a duration for people to read.
pub(super) fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl OperationError {
    /// Says what went wrong.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Lapin(error) => reason(error),
            Self::Silent => format!("the broker did not answer within {}", shown(OPERATION_TIMEOUT)),
            Self::ChannelLimit(limit) => {
                format!(
                    "the broker allows {limit} channels on a connection (`channel_max`), and all of them are in use"
                )
            }
            Self::KnownLimit(reason) => reason.clone(),
            Self::Blocked => "the broker is short of memory or disk space and takes no messages".to_owned(),
            Self::NotConnected { reason, .. } => reason.clone(),
        }
    }

    /// Whether the operation failed alone, and the connection goes on.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Lapin(_) => self.refusal().is_some(),
            Self::ChannelLimit(_) | Self::KnownLimit(_) | Self::Blocked => true,
            Self::NotConnected { refused, .. } => *refused,
            Self::Silent => false,
        }
    }

    /// Whether a limit on channels or connections is reached.
    pub(super) fn is_limit(&self) -> bool {
        match self {
            Self::ChannelLimit(_) | Self::KnownLimit(_) | Self::NotConnected { limit: true, .. } => true,
            // The limits of a user and of a node: the broker closes the connection over them.
            Self::Lapin(error) => reason(error).contains("number of channels opened"),
            _ => false,
        }
    }

    /// Whether the broker did not answer in time.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// Whether what the operation needs does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        self.refusal() == Some(&AMQPSoftError::NOTFOUND)
    }

    /// Whether this user may not do it.
    pub(super) fn is_access_refused(&self) -> bool {
        self.refusal() == Some(&AMQPSoftError::ACCESSREFUSED)
    }

    fn refusal(&self) -> Option<&AMQPSoftError> {
        let Self::Lapin(error) = self else { return None };
        let ErrorKind::ProtocolError(error) = error.kind() else { return None };
        match error.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft),
            AMQPErrorKind::Hard(_) => None,
        }
    }

    /// The failure of a further connection.
    pub(super) fn of_connecting(failure: &ConnectFailure) -> Self {
        let Diagnosis { reason, advice, .. } = failure.diagnosis();
        let (refused, limit) = (failure.is_refusal(), reason.contains("limit"));
        let reason = format!("the connection for consuming cannot be made: {reason}. {advice}");
        Self::NotConnected { reason, refused, limit }
    }

    /// Returns the error for the user. `operation` completes "the broker could not …" and "does not allow this user to …".
    pub(super) fn into_error(self, operation: String) -> Error {
        let reason = self.reason();
        match self.refusal() {
            Some(AMQPSoftError::ACCESSREFUSED) => Error::AccessRefused { operation, reason },
            _ if self.is_limit() => Error::LimitReached { operation, reason },
            _ => Error::Broker { operation, reason },
        }
    }

    /// Returns the error for the user after the declaration of a queue or an exchange.
    pub(super) fn into_declaration_error(self, operation: String, entity: String) -> Error {
        match self.refusal() {
            Some(AMQPSoftError::PRECONDITIONFAILED) => Error::TopologyMismatch { entity, reason: self.reason() },
            _ => self.into_error(operation),
        }
    }
}

/// Says what an error of lapin's means.
pub(super) fn reason(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::MissingHeartbeatError => "the broker has not been heard of for too long".to_owned(),
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidChannel(_) => "the channel is closed".to_owned(),
        ErrorKind::InvalidConnectionState(_) => "the connection is closed".to_owned(),
        _ => error.to_string(),
    }
}

/// Says why a connection is lost, and what to do about it if that is known.
pub(super) fn loss(error: &lapin::Error) -> String {
    let reason = reason(error);
    match OperationError::Lapin(error.clone()).refusal() {
        Some(AMQPSoftError::ACCESSREFUSED) => {
            format!("{reason}. Every service needs write permission on amq.default (docs/operations.md says how)")
        }
        Some(AMQPSoftError::PRECONDITIONFAILED) if reason.contains("message size") => {
            format!("{reason}. Keep `max_message_size` below the broker's own limit everywhere, or raise that first")
        }
        _ => reason,
    }
}

/// Why the broker no longer delivers from a queue, though the connection works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsumerCancelled {
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

impl ConsumerCancelled {
    /// `error` is what ended the deliveries. Without one, the broker has cancelled the consumer.
    pub(super) fn new(error: Option<&lapin::Error>) -> Self {
        let Some(error) = error else {
            return Self {
                reason: "the broker cancelled the consumer".to_owned(),
                advice: "Likely its queue was deleted, or, on RabbitMQ 4.3 and later, a handler or an idempotent method takes \
                         longer than the broker's `consumer_timeout`. What was held for too long will be delivered again. \
                         Find out what the handler waits for; if it needs so long, raise `consumer_timeout`, or split the work",
            };
        };
        let reason = reason(error);
        let advice = if reason.contains("delivery acknowledgement") {
            "A handler or an idempotent method takes longer than the broker's `consumer_timeout`. What this process holds of \
             the queue will be delivered again. Find out what it waits for; if it needs so long, raise `consumer_timeout`, or \
             split the work"
        } else {
            "The broker's log may say more"
        };
        Self { reason, advice }
    }
}

/// Why a connection could not be made.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    /// The host's name leads to no address.
    Unresolved(io::Error),
    /// No TCP connection could be made.
    Unreachable(io::Error),
    /// The TLS handshake failed.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    Tls(io::Error),
    /// The AMQP handshake failed.
    Unwelcome(lapin::Error),
    /// Nothing was heard for this long.
    Silent(Duration),
    /// The connection was made, but could not be set up.
    Setup(Error),
}

/// A failed attempt to connect, for the user.
#[derive(Debug)]
pub(super) struct Diagnosis {
    pub(super) reason: String,
    pub(super) advice: &'static str,
    /// Whether trying again is of no use.
    pub(super) is_final: bool,
}

impl ConnectFailure {
    /// Whether the broker refused the connection, for instance because the user has too many.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Unwelcome(error) if matches!(error.kind(), ErrorKind::ProtocolError(_)))
    }

    /// What the operating system reported, if it did.
    fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Unresolved(error) | Self::Unreachable(error) | Self::Tls(error) => Some(error),
            Self::Unwelcome(error) => match error.kind() {
                ErrorKind::IOError(error) => Some(error),
                _ => None,
            },
            Self::Silent(_) | Self::Setup(_) => None,
        }
    }

    pub(super) fn diagnosis(&self) -> Diagnosis {
        let retry = |reason, advice| Diagnosis { reason, advice, is_final: false };
        if let Some(error) = self.io_error().filter(|error| is_too_many_open_files(error)) {
            return retry(
                format!("this process or machine has too many open files ({error})"),
                "The broker is not to blame. Find out which files and connections the process keeps open, or raise its limit \
                 (`ulimit -n`, or LimitNOFILE= of a systemd unit)",
            );
        }
        match self {
            Self::Unresolved(error) => retry(
                format!("the name of its host cannot be resolved ({error})"),
                "Check the host in LIGHTBUS_URL, and that this machine can resolve it",
            ),
            Self::Unreachable(error) if error.kind() == io::ErrorKind::ConnectionRefused => retry(
                "nothing listens there (connection refused)".to_owned(),
                "Likely RabbitMQ is not running, or listens on another port: 5672 is usual, 5671 with TLS. Start it, or \
                 correct LIGHTBUS_URL. Without a broker, memory:// is a bus within one process",
            ),
            Self::Unreachable(error) => retry(
                format!("it cannot be reached ({error})"),
                "Check the host and the port in LIGHTBUS_URL, and the network and firewalls on the way",
            ),
            Self::Silent(waited) => retry(
                format!("nothing was heard of it within {}", shown(*waited)),
                "Likely a firewall swallows the connection, or the broker is overloaded or still starting. Check the host \
                 and the port in LIGHTBUS_URL, and the network on the way",
            ),
            Self::Tls(error) => tls_diagnosis(error),
            Self::Unwelcome(error) => handshake_diagnosis(error),
            Self::Setup(error) => Diagnosis {
                reason: format!("{error:#}"),
                advice: "The connection itself could be made",
                is_final: matches!(error, Error::TopologyMismatch { .. } | Error::AccessRefused { .. }),
            },
        }
    }
}

/// Whether the limit on open files of the process or of the machine was reached.
fn is_too_many_open_files(error: &io::Error) -> bool {
    // EMFILE and ENFILE, and WSAEMFILE; `io::ErrorKind` has no name for them.
    let codes: &[i32] = if cfg!(windows) { &[10024] } else { &[24, 23] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn tls_diagnosis(error: &io::Error) -> Diagnosis {
    let text = error.to_string();
    if text.contains("certificate") {
        Diagnosis {
            reason: format!("its TLS certificate is not trusted ({text})"),
            advice: "Set `tls_ca_file` to the certificate of the authority that signed it, and use the host name that the \
                     certificate is made out to",
            is_final: false,
        }
    } else {
        Diagnosis {
            reason: format!("TLS cannot be agreed upon ({text})"),
            advice: "Likely the port does not speak TLS: RabbitMQ's usual port for it is 5671. Correct the port, or use \
                     amqp:// if the broker has no TLS",
            is_final: false,
        }
    }
}

fn handshake_diagnosis(error: &lapin::Error) -> Diagnosis {
    let why = reason(error);
    let (reason, advice, is_final) = match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => (
                format!("it refused the credentials ({why})"),
                "Check the user and the password in LIGHTBUS_URL, with special characters written as %XX. RabbitMQ lets the \
                 user guest in from its own machine only",
                true,
            ),
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if why.contains("not found") => (
                format!("it has no such virtual host ({why})"),
                "Create it with `rabbitmqctl add_vhost`, or correct the path of LIGHTBUS_URL; a slash within a name is \
                 written as %2F",
                true,
            ),
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if why.contains("limit") => (
                format!("it has as many connections as it may ({why})"),
                "A process has one connection, and a second one when it serves or subscribes. Raise the limit with \
                 `rabbitmqctl set_user_limits` or `set_vhost_limits`, or find out whose connections those are",
                false,
            ),
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if why.contains("refused for user") => (
                format!("the user may not use that virtual host ({why})"),
                "Grant it with `rabbitmqctl set_permissions` (docs/operations.md lists what each service needs), or connect as \
                 another user",
                true,
            ),
            _ => (format!("it refused the connection ({why})"), "The broker's log may say more", false),
        },
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) | ErrorKind::SerialisationError(_) => (
            "what answers there does not speak AMQP 0-9-1".to_owned(),
            "Likely the port is another service's, such as RabbitMQ's own page (15672). Use its AMQP port, usually 5672, or \
             with TLS 5671 and amqps://",
            false,
        ),
        _ => (
            format!("it broke off the connection while greeting ({why})"),
            "Likely the broker is still starting, or the port expects TLS (amqps://, usually 5671), or it is another \
             service's",
            false,
        ),
    };
    Diagnosis { reason, advice, is_final }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    fn soft(kind: AMQPSoftError, message: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind.into(), message.into())).into()
    }

    fn hard(kind: AMQPHardError, message: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind.into(), message.into())).into()
    }

    #[test]
    fn a_refusal_becomes_the_error_of_its_cause() {
        let error = |kind| {
            OperationError::Lapin(soft(kind, "THE BROKER'S WORDS"))
                .into_declaration_error("declare it".into(), "the queue".into())
        };
        assert!(matches!(error(AMQPSoftError::PRECONDITIONFAILED), Error::TopologyMismatch { .. }));
        assert!(matches!(error(AMQPSoftError::ACCESSREFUSED), Error::AccessRefused { .. }));
        assert!(matches!(error(AMQPSoftError::NOTFOUND), Error::Broker { .. }));
        assert!(error(AMQPSoftError::NOTFOUND).to_string().contains("THE BROKER'S WORDS"));
    }

    #[test]
    fn a_consumer_timeout_is_distinguished_from_a_deleted_queue() {
        let late =
            "PRECONDITION_FAILED - delivery acknowledgement on channel 7 timed out. Timeout value used: 1800000 ms.";
        let late = ConsumerCancelled::new(Some(&soft(AMQPSoftError::PRECONDITIONFAILED, late)));
        assert!(late.reason.contains("1800000") && late.advice.contains("raise `consumer_timeout`"), "{late:?}");
        let deleted = ConsumerCancelled::new(None);
        assert!(deleted.advice.contains("deleted"), "{deleted:?}");
        let other =
            ConsumerCancelled::new(Some(&soft(AMQPSoftError::PRECONDITIONFAILED, "PRECONDITION_FAILED - unknown tag")));
        assert!(other != deleted && other.advice != late.advice, "{other:?}");
    }

    #[test]
    fn the_loss_of_a_connection_names_the_remedy() {
        let denied =
            loss(&soft(AMQPSoftError::ACCESSREFUSED, "ACCESS_REFUSED - access to exchange 'amq.default' refused"));
        assert!(denied.starts_with("ACCESS_REFUSED") && denied.contains("write permission on amq.default"), "{denied}");
        let long = "PRECONDITION_FAILED - message size 200 is larger than configured max size 100";
        assert!(loss(&soft(AMQPSoftError::PRECONDITIONFAILED, long)).contains("max_message_size"));
        assert_eq!(loss(&soft(AMQPSoftError::PRECONDITIONFAILED, "PRECONDITION_FAILED")), "PRECONDITION_FAILED");
    }

    #[test]
    fn only_permanent_failures_are_final() {
        let is_final = |error| ConnectFailure::Unwelcome(error).diagnosis().is_final;
        assert!(is_final(soft(AMQPSoftError::ACCESSREFUSED, "ACCESS_REFUSED - Login was refused")));
        assert!(is_final(hard(AMQPHardError::NOTALLOWED, "NOT_ALLOWED - vhost prod not found")));
        assert!(is_final(hard(AMQPHardError::NOTALLOWED, "NOT_ALLOWED - access to vhost '/' refused for user 'shop'")));
        let limit = "NOT_ALLOWED - access to vhost '/' refused for user 'shop': vhost connection limit (1) is reached";
        assert!(!is_final(hard(AMQPHardError::NOTALLOWED, limit)));
        assert!(!is_final(hard(AMQPHardError::NOTALLOWED, "NOT_ALLOWED - vhost is down")));
        assert!(!is_final(hard(AMQPHardError::CONNECTIONFORCED, "CONNECTION_FORCED - shutting down")));
        assert!(!is_final(io::Error::from(io::ErrorKind::ConnectionAborted).into()));
    }

    #[cfg(unix)]
    #[test]
    fn too_many_open_files_are_not_blamed_on_the_broker() {
        let full = || io::Error::from_raw_os_error(24);
        for failure in [
            ConnectFailure::Unresolved(full()),
            ConnectFailure::Unreachable(full()),
            ConnectFailure::Tls(full()),
            ConnectFailure::Unwelcome(full().into()),
            ConnectFailure::Unreachable(io::Error::from_raw_os_error(23)),
        ] {
            let Diagnosis { reason, advice, is_final } = failure.diagnosis();
            assert!(reason.contains("too many open files") && advice.contains("ulimit -n"), "{reason}. {advice}");
            assert!(!is_final, "{reason}");
        }
    }

    #[test]
    fn a_limit_is_an_error_of_its_own_and_fails_one_operation() {
        let user =
            "NOT_ALLOWED - number of channels opened for user 'shop' has reached the maximum allowed user limit of (9)";
        for failure in [OperationError::ChannelLimit(20), OperationError::Lapin(hard(AMQPHardError::NOTALLOWED, user))]
        {
            assert!(failure.is_limit());
            let error = failure.into_error("consume".to_owned());
            assert!(matches!(&error, Error::LimitReached { .. }), "{error:?}");
        }
        assert!(OperationError::ChannelLimit(20).is_refusal());
        assert!(OperationError::ChannelLimit(20).reason().contains("20"));
        let denied = "NOT_ALLOWED - access to vhost '/' refused for user 'shop': user connection limit (1) is reached";
        let denied = ConnectFailure::Unwelcome(hard(AMQPHardError::NOTALLOWED, denied));
        let failure = OperationError::of_connecting(&denied);
        assert!(failure.is_limit() && failure.is_refusal(), "{failure:?}");
    }

    #[test]
    fn every_failure_has_a_reason_and_an_advice() {
        let io = || io::Error::from(io::ErrorKind::ConnectionRefused);
        for failure in [
            ConnectFailure::Unresolved(io()),
            ConnectFailure::Unreachable(io()),
            ConnectFailure::Unreachable(io::ErrorKind::HostUnreachable.into()),
            ConnectFailure::Tls(io::Error::other("invalid peer certificate: UnknownIssuer")),
            ConnectFailure::Tls(io::Error::other("received corrupt message of type InvalidContentType")),
            ConnectFailure::Unwelcome(io().into()),
            ConnectFailure::Unwelcome(ErrorKind::MissingHeartbeatError.into()),
            ConnectFailure::Silent(OPERATION_TIMEOUT),
        ] {
            let diagnosis = failure.diagnosis();
            assert!(!diagnosis.reason.is_empty() && !diagnosis.advice.is_empty(), "{failure:?}");
            assert!(!diagnosis.is_final, "{failure:?}");
        }
    }
}
