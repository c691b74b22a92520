//! Why operations and connections that worked have failed.

use std::future::Future;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use tokio::time::timeout;

use crate::duration::shown;
use crate::error::Error;

/// How long one operation of the broker may take. A connection on which operations take longer is given up.
pub(in crate::transport::amqp) const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an operation on a connection failed.
#[derive(Debug, Clone)]
pub(in crate::transport::amqp) enum OperationError {
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
pub(in crate::transport::amqp) async fn bounded<T>(
    operation: impl Future<Output = lapin::Result<T>>,
) -> Result<T, OperationError> {
    match timeout(OPERATION_TIMEOUT, operation).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(OperationError::Lapin(error)),
        Err(_) => Err(OperationError::Silent),
    }
}

/// Rounds a duration for people to read.
pub(in crate::transport::amqp) fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl OperationError {
    /// Says what went wrong.
    pub(in crate::transport::amqp) fn reason(&self) -> String {
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
    pub(in crate::transport::amqp) fn is_refusal(&self) -> bool {
        match self {
            Self::Lapin(_) => self.refusal().is_some(),
            Self::ChannelLimit(_) | Self::KnownLimit(_) | Self::Blocked => true,
            Self::NotConnected { refused, .. } => *refused,
            Self::Silent => false,
        }
    }

    /// Whether a limit on channels or connections is reached.
    pub(in crate::transport::amqp) fn is_limit(&self) -> bool {
        match self {
            Self::ChannelLimit(_) | Self::KnownLimit(_) | Self::NotConnected { limit: true, .. } => true,
            // The limits of a user and of a node: the broker closes the connection over them.
            Self::Lapin(error) => reason(error).contains("number of channels opened"),
            _ => false,
        }
    }

    /// Whether the broker did not answer in time.
    pub(in crate::transport::amqp) fn is_silence(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// Whether what the operation needs does not exist.
    pub(in crate::transport::amqp) fn is_not_found(&self) -> bool {
        self.refusal() == Some(&AMQPSoftError::NOTFOUND)
    }

    /// Whether this user may not do it.
    pub(in crate::transport::amqp) fn is_access_refused(&self) -> bool {
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

    /// Returns the error for the user. `operation` completes "the broker could not …" and "does not allow this user to …".
    pub(in crate::transport::amqp) fn into_error(self, operation: String) -> Error {
        let reason = self.reason();
        match self.refusal() {
            Some(AMQPSoftError::ACCESSREFUSED) => Error::AccessRefused { operation, reason },
            _ if self.is_limit() => Error::LimitReached { operation, reason },
            _ => Error::Broker { operation, reason },
        }
    }

    /// Returns the error for the user after the declaration of a queue or an exchange.
    pub(in crate::transport::amqp) fn into_declaration_error(self, operation: String, entity: String) -> Error {
        match self.refusal() {
            Some(AMQPSoftError::PRECONDITIONFAILED) => Error::TopologyMismatch { entity, reason: self.reason() },
            _ => self.into_error(operation),
        }
    }
}

/// Says what an error of lapin's means.
pub(in crate::transport::amqp) fn reason(error: &lapin::Error) -> String {
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
pub(in crate::transport::amqp) fn loss(error: &lapin::Error) -> String {
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

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPHardError;

    use super::*;
    use crate::transport::amqp::errors::testing::{hard, soft};

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
    fn the_loss_of_a_connection_names_the_remedy() {
        let denied =
            loss(&soft(AMQPSoftError::ACCESSREFUSED, "ACCESS_REFUSED - access to exchange 'amq.default' refused"));
        assert!(denied.starts_with("ACCESS_REFUSED") && denied.contains("write permission on amq.default"), "{denied}");
        let long = "PRECONDITION_FAILED - message size 200 is larger than configured max size 100";
        assert!(loss(&soft(AMQPSoftError::PRECONDITIONFAILED, long)).contains("max_message_size"));
        assert_eq!(loss(&soft(AMQPSoftError::PRECONDITIONFAILED, "PRECONDITION_FAILED")), "PRECONDITION_FAILED");
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
    }
}
