//! Why a connection could not be made, and what to do about it.

use std::io;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

use super::operation::{OperationError, reason};
use crate::duration::shown;
use crate::error::Error;

/// Why a connection could not be made.
#[derive(Debug)]
pub(in crate::transport::amqp) enum ConnectFailure {
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
pub(in crate::transport::amqp) struct Diagnosis {
    pub(in crate::transport::amqp) reason: String,
    pub(in crate::transport::amqp) advice: &'static str,
    /// Whether trying again is of no use.
    pub(in crate::transport::amqp) is_final: bool,
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

    pub(in crate::transport::amqp) fn diagnosis(&self) -> Diagnosis {
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

impl From<&ConnectFailure> for OperationError {
    /// The failure of a further connection.
    fn from(failure: &ConnectFailure) -> Self {
        let Diagnosis { reason, advice, .. } = failure.diagnosis();
        let (refused, limit) = (failure.is_refusal(), reason.contains("limit"));
        let reason = format!("the connection for consuming cannot be made: {reason}. {advice}");
        Self::NotConnected { reason, refused, limit }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::transport::amqp::errors::OPERATION_TIMEOUT;
    use crate::transport::amqp::errors::testing::{hard, soft};

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

    #[test]
    fn a_limit_on_connections_fails_one_operation() {
        let denied = "NOT_ALLOWED - access to vhost '/' refused for user 'shop': user connection limit (1) is reached";
        let denied = ConnectFailure::Unwelcome(hard(AMQPHardError::NOTALLOWED, denied));
        let failure = OperationError::from(&denied);
        assert!(failure.is_limit() && failure.is_refusal(), "{failure:?}");
    }
}
