//! The failures of operations and connections, and what to do about them.

mod cancelled;
mod connecting;
mod operation;

pub(super) use self::cancelled::ConsumerCancelled;
pub(super) use self::connecting::{ConnectFailure, Diagnosis};
pub(super) use self::operation::{OPERATION_TIMEOUT, OperationError, bounded, loss, reason, whole_millis};
