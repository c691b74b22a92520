//! How a call can fail.

use std::time::Duration;

use super::fault::Fault;
use crate::error::Error;

/// How a call failed: one variant a cause.
///
/// `E` is the method's own error; a method that returns no `Result` has [`Infallible`](std::convert::Infallible).
///
/// [`may_have_run`](Self::may_have_run) tells whether the call can be repeated without running the method twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError<E = std::convert::Infallible> {
    /// The method ran and returned its own error.
    #[error("{method} returned an error: {error}")]
    Method {
        /// The method's full name.
        method: String,
        /// What it returned.
        error: E,
    },

    /// Nobody serves the API. Known at once, from the broker.
    #[error(
        "nobody serves {api}, so {method} was not called. Likely its service is not running, or it runs in another \
         namespace or on another broker. Start the service, and compare LIGHTBUS_URL and LIGHTBUS_NAMESPACE of both"
    )]
    NoServer {
        /// The API's name.
        api: String,
        /// The method's full name.
        method: String,
    },

    /// The API is served, but the server does not know the method.
    #[error(
        "the server of {api} has no method {method}{}. Likely it was built from an older version of the API: deploy the \
         server first",
        methods_known(.known)
    )]
    UnknownMethod {
        /// The API's name.
        api: String,
        /// The method's full name.
        method: String,
        /// The methods that the server does have.
        known: Vec<String>,
    },

    /// The server could not decode the arguments.
    #[error(
        "the server refused the arguments of {method}: {reason}. Likely server and caller were built from different \
         versions of the API: give new arguments #[serde(default)], or deploy the server first"
    )]
    InvalidArguments {
        /// The method's full name.
        method: String,
        /// Where in the arguments, such as `parts[3].serial`. Empty when they are at fault as a whole.
        path: String,
        /// What is wrong there.
        reason: String,
    },

    /// The handler panicked.
    #[error("the handler of {method} panicked: {message}. This is a bug in the server; its log has the place")]
    HandlerPanicked {
        /// The method's full name.
        method: String,
        /// What it said.
        message: String,
    },

    /// No answer came in time.
    #[error("{method} did not answer within {timeout:?}. {servers}")]
    DeadlineExceeded {
        /// The method's full name.
        method: String,
        /// How long the call waited.
        timeout: Duration,
        /// Whether anyone was serving the API at that moment.
        servers: Servers,
    },

    /// The server was told to stop and gave up the call. It may have run in part.
    #[error(
        "the server of {method} shut down before it could answer, so the call may have run in part. Repeat it if that \
         does no harm, or give the server a longer shutdown timeout"
    )]
    ShuttingDown {
        /// The method's full name.
        method: String,
    },

    /// The connection or the server was lost while the call was under way. Whether it ran is not known.
    #[error(
        "{method} may or may not have run: {reason}. Repeat the call if that does no harm; mark the method \
         #[rpc(idempotent)] if it never does"
    )]
    OutcomeUnknown {
        /// The method's full name.
        method: String,
        /// What was lost.
        reason: String,
    },

    /// There was no connection to the broker, so the call was never sent.
    #[error(
        "{method} was not called: there was no connection to the broker for {timeout:?}. Likely the broker is down or \
         cannot be reached; Lightbus goes on trying to reconnect, and the log says why it fails"
    )]
    NotConnected {
        /// The method's full name.
        method: String,
        /// How long the call waited.
        timeout: Duration,
    },

    /// The bus has been shut down, so the call was never sent.
    #[error("{method} was not called: this process has shut its bus down. Make calls before `Bus::shutdown`")]
    Closed {
        /// The method's full name.
        method: String,
    },

    /// The arguments could not be encoded, so the call was never sent.
    #[error("{method} was not called, its arguments could not be encoded: {reason}")]
    InvalidRequest {
        /// The method's full name.
        method: String,
        /// What is wrong with them.
        reason: String,
    },

    /// The answer could not be decoded.
    #[error(
        "the answer of {method} could not be used: {reason}. Likely server and caller were built from different versions \
         of the API"
    )]
    InvalidReply {
        /// The method's full name.
        method: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The arguments or the answer are larger than the limit.
    #[error(
        "{what} of {method} is {size} bytes long and the limit is {limit}. Send less, or a reference to where the data \
         lies; or raise `max_message_size` on both sides, within what the broker allows"
    )]
    TooLarge {
        /// The method's full name.
        method: String,
        /// Which of the two.
        what: MessageKind,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// A fault that this version of Lightbus does not know.
    #[error(
        "the server of {method} answered with the fault {}, which this version of Lightbus does not know: {}",
        .fault.code.as_str(),
        .fault.message
    )]
    Fault {
        /// The method's full name.
        method: String,
        /// What the server said.
        fault: Box<Fault>,
    },
}

/// Which message of a call was too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// The arguments. The method did not run.
    Request,
    /// The answer. The method ran.
    Reply,
}

impl std::fmt::Display for MessageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Request => "the request",
            Self::Reply => "the answer",
        })
    }
}

/// Whether anyone was serving an API when a call to it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// So many processes were serving it: they are slow, or busy with other calls.
    Running(u32),
    /// Nobody was serving it.
    None,
    /// The broker did not say in time, or does not let this user look at the API's queue. RabbitMQ asks for a permission from
    /// 4.2.6 on; [operations](https://github.com/lightbus/lightbus/blob/main/docs/operations.md#permissions) has more.
    Unknown,
}

impl From<Option<u32>> for Servers {
    fn from(count: Option<u32>) -> Self {
        match count {
            Some(0) => Self::None,
            Some(count) => Self::Running(count),
            None => Self::Unknown,
        }
    }
}

impl std::fmt::Display for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running(1) => f.write_str(
                "1 process was serving the API: it is slow, or busy with other calls. Raise the timeout or the server's \
                 concurrency, or start another process",
            ),
            Self::Running(count) => write!(
                f,
                "{count} processes were serving the API: they are slow, or busy with other calls. Raise the timeout or \
                 the servers' concurrency, or start another process"
            ),
            Self::None => f.write_str("Nobody was serving the API any more. Start its service"),
            Self::Unknown => f.write_str(
                "The broker did not say whether anyone was serving the API. Raise the timeout if the method needs longer, \
                 and check that the API's service is running",
            ),
        }
    }
}

fn methods_known(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(", only {}", known.join(", ")) }
}

impl<E> CallError<E> {
    /// The full name of the method that was called, such as `company.warranty.check`.
    #[must_use]
    pub fn method(&self) -> &str {
        match self {
            Self::Method { method, .. }
            | Self::NoServer { method, .. }
            | Self::UnknownMethod { method, .. }
            | Self::InvalidArguments { method, .. }
            | Self::HandlerPanicked { method, .. }
            | Self::DeadlineExceeded { method, .. }
            | Self::ShuttingDown { method }
            | Self::OutcomeUnknown { method, .. }
            | Self::NotConnected { method, .. }
            | Self::Closed { method }
            | Self::InvalidRequest { method, .. }
            | Self::InvalidReply { method, .. }
            | Self::TooLarge { method, .. }
            | Self::Fault { method, .. } => method,
        }
    }

    /// Whether the method ran, in part or as a whole, or may have. When it is `false`, the call can be repeated without
    /// running the method twice.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Method { .. }
            | Self::HandlerPanicked { .. }
            | Self::DeadlineExceeded { .. }
            | Self::ShuttingDown { .. }
            | Self::OutcomeUnknown { .. }
            | Self::InvalidReply { .. }
            | Self::TooLarge { what: MessageKind::Reply, .. }
            | Self::Fault { .. } => true,
            Self::NoServer { .. }
            | Self::UnknownMethod { .. }
            | Self::InvalidArguments { .. }
            | Self::NotConnected { .. }
            | Self::Closed { .. }
            | Self::InvalidRequest { .. }
            | Self::TooLarge { what: MessageKind::Request, .. } => false,
        }
    }

    /// The method's own error, when that is what the call ended with.
    ///
    /// # Errors
    ///
    /// The call error itself, when it is any other.
    pub fn into_method_error(self) -> Result<E, Self> {
        match self {
            Self::Method { error, .. } => Ok(error),
            other => Err(other),
        }
    }
}

impl<E> From<CallError<E>> for Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    fn from(error: CallError<E>) -> Self {
        Self::Call(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_shows_the_message() {
        let error = Error::from(CallError::<std::convert::Infallible>::Closed { method: "a.b".to_owned() });
        assert!(format!("{error:?}").starts_with("a.b was not called:"));
    }
}
