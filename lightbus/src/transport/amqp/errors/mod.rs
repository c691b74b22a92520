//! The failures of operations and connections, and what to do about them.

mod cancelled;
mod connecting;
mod operation;

pub(super) use self::cancelled::ConsumerCancelled;
pub(super) use self::connecting::{ConnectFailure, Diagnosis};
pub(super) use self::operation::{OPERATION_TIMEOUT, OperationError, bounded, loss, reason, whole_millis};

/// Errors as the broker sends them.
#[cfg(test)]
mod testing {
    use lapin::ErrorKind;
    use lapin::protocol::{AMQPError, AMQPHardError, AMQPSoftError};

    pub(super) fn soft(kind: AMQPSoftError, message: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind.into(), message.into())).into()
    }

    pub(super) fn hard(kind: AMQPHardError, message: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind.into(), message.into())).into()
    }
}
