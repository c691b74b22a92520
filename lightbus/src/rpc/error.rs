//! How a call can fail.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::servers::Servers;
use crate::duration::shown;
use crate::error::{Error, in_one_line, in_paragraphs};
use crate::protocol::headers::HeaderError;

/// How a call failed: one variant per cause.
///
/// `E` is the method's own error, or [`Infallible`](std::convert::Infallible) if the method returns no `Result`.
///
/// [`may_have_run`](Self::may_have_run) says whether the call can be repeated without running the method twice. `{error}`
/// shows the problem in one sentence, and [`help`](Self::help) the likely causes and what to do; `{error:#}` and `{error:?}`
/// show both.
#[non_exhaustive]
pub enum CallError<E = std::convert::Infallible> {
    /// The method ran and returned its own error.
    Method {
        /// The method's full name.
        method: String,
        /// What it returned.
        error: E,
    },

    /// No process serves the API. The broker says so at once.
    NoServer {
        /// The API's name.
        api: String,
        /// The method's full name.
        method: String,
    },

    /// The server of the API does not have the method.
    UnknownMethod {
        /// The API's name.
        api: String,
        /// The method's full name.
        method: String,
        /// The methods that the server has.
        known: Vec<String>,
    },

    /// The server could not decode the arguments.
    InvalidArguments {
        /// The method's full name.
        method: String,
        /// Where in the arguments, such as `parts[3].serial`. Empty if all of them are at fault.
        path: String,
        /// What is wrong there.
        reason: String,
    },

    /// A layer refused the call, here or at the server, so the method did not run.
    Refused {
        /// The method's full name.
        method: String,
        /// What the layer said.
        reason: String,
    },

    /// The handler panicked.
    HandlerPanicked {
        /// The method's full name.
        method: String,
        /// The panic's message.
        message: String,
    },

    /// No reply arrived in time.
    DeadlineExceeded {
        /// The method's full name.
        method: String,
        /// How long the call waited.
        timeout: Duration,
        /// Whether any process was serving the API at that moment.
        servers: Servers,
    },

    /// The deadline of the handler that makes the call has passed, so the call was never sent.
    NoTimeLeft {
        /// The method's full name.
        method: String,
    },

    /// The server was stopped and gave up the call. The method may have run in part.
    ShuttingDown {
        /// The method's full name.
        method: String,
    },

    /// The connection or the server was lost during the call. Nobody knows whether the method ran.
    OutcomeUnknown {
        /// The method's full name.
        method: String,
        /// What was lost.
        reason: String,
    },

    /// There was no connection to the broker that takes messages, so the call was never sent.
    NotConnected {
        /// The method's full name.
        method: String,
        /// How long the call waited.
        timeout: Duration,
    },

    /// The bus was shut down, so the call was never sent.
    Closed {
        /// The method's full name.
        method: String,
    },

    /// The tokio runtime of the bus has ended, so the call was never sent.
    RuntimeEnded {
        /// The method's full name.
        method: String,
    },

    /// The call itself is not valid, so it was never sent.
    InvalidRequest {
        /// The method's full name.
        method: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A header of the call cannot be sent, so the call was never sent.
    InvalidHeader {
        /// The method's full name.
        method: String,
        /// What is wrong with the header.
        error: HeaderError,
    },

    /// The reply could not be decoded.
    InvalidReply {
        /// The method's full name.
        method: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The arguments or the reply are larger than the limit.
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

    /// The server replied with a fault that this version of Lightbus does not know.
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
    /// The reply. The method ran.
    Reply,
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "the request",
            Self::Reply => "the reply",
        })
    }
}

/// Shows the method's own error: by `Display` or by `Debug`, whichever the caller has.
type ShowMethodError<E> = fn(&E, &mut fmt::Formatter<'_>) -> fmt::Result;

impl<E> CallError<E> {
    /// The problem, in one sentence.
    fn problem(&self, f: &mut fmt::Formatter<'_>, show: ShowMethodError<E>) -> fmt::Result {
        match self {
            Self::Method { method, error } => {
                write!(f, "{method} returned an error: ")?;
                show(error, f)
            }
            Self::NoServer { api, method } => write!(f, "{method} was not called, because no process serves {api}"),
            Self::UnknownMethod { api, method, known } => {
                write!(f, "the server of {api} has no method {method}")?;
                if known.is_empty() { Ok(()) } else { write!(f, ", only {}", known.join(", ")) }
            }
            Self::InvalidArguments { method, reason, .. } => {
                write!(f, "the server refused the arguments of {method}: {reason}")
            }
            Self::Refused { method, reason } => write!(f, "{method} was refused: {reason}"),
            Self::HandlerPanicked { method, message } => write!(f, "the handler of {method} panicked: {message}"),
            Self::DeadlineExceeded { method, timeout, servers } => {
                write!(f, "{method} did not reply within {}; {servers}", shown(*timeout))
            }
            Self::NoTimeLeft { method } => {
                write!(f, "{method} was not called, because the deadline of the handler that calls it has passed")
            }
            Self::ShuttingDown { method } => {
                write!(f, "the server of {method} shut down before it could reply, so the method may have run in part")
            }
            Self::OutcomeUnknown { method, reason } => write!(f, "{method} may or may not have run: {reason}"),
            Self::NotConnected { method, timeout } => {
                write!(
                    f,
                    "{method} was not called, because no connection to the broker took it for {}",
                    shown(*timeout)
                )
            }
            Self::Closed { method } => {
                write!(f, "{method} was not called, because this process has shut its bus down")
            }
            Self::RuntimeEnded { method } => {
                write!(f, "{method} was not called, because the tokio runtime of this bus has ended")
            }
            Self::InvalidRequest { method, reason } => write!(f, "{method} was not called: {reason}"),
            Self::InvalidHeader { method, error } => write!(f, "{method} was not called: {error}"),
            Self::InvalidReply { method, reason } => write!(f, "the reply of {method} cannot be used: {reason}"),
            Self::TooLarge { method, what, size, limit } => {
                write!(f, "{what} of {method} has {size} bytes, and the limit is {limit}")
            }
            Self::Fault { method, fault } => {
                let (code, message) = (fault.code.as_str(), &fault.message);
                write!(f, "the server of {method} replied with the unknown fault {code}: {message}")
            }
        }
    }

    /// The likely causes of the problem, and what to do. `None` if the problem says it all, as the method's own error does.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match self {
            Self::Method { .. } | Self::InvalidRequest { .. } | Self::Refused { .. } => return None,
            Self::InvalidHeader { error, .. } => return Some(error.help()),
            Self::NoServer { .. } => {
                "likely its service is not running, or runs in another namespace or on another broker. Start the service, \
                 and compare LIGHTBUS_URL and LIGHTBUS_NAMESPACE of both"
            }
            Self::UnknownMethod { .. } => {
                "likely the server was built from an older version of the API. Deploy the server first"
            }
            Self::InvalidArguments { .. } => {
                "likely server and caller were built from different versions of the API. Give new arguments \
                 #[serde(default)], or deploy the server first"
            }
            Self::HandlerPanicked { .. } => "this is a bug in the server; its log says where",
            Self::DeadlineExceeded { servers, .. } => servers.help(),
            Self::NoTimeLeft { .. } => {
                "the caller of that handler has given up. Give that call a longer timeout, or make the handler faster"
            }
            Self::ShuttingDown { .. } => {
                "repeat the call if running it twice does no harm, or give the server a longer `shutdown_timeout`"
            }
            Self::OutcomeUnknown { .. } => {
                "repeat the call if running it twice does no harm; mark the method #[rpc(idempotent)] if it never does"
            }
            Self::NotConnected { .. } => {
                "likely the broker is down, cannot be reached, or is short of memory or disk space. Lightbus keeps trying, and \
                 the log says why it fails"
            }
            Self::Closed { .. } => "make calls before `Bus::shutdown`",
            Self::RuntimeEnded { .. } => {
                "a bus runs on the runtime that `connect` was awaited on. Keep that runtime until the bus is shut down; or, \
                 in tests, connect a bus on each runtime"
            }
            Self::InvalidReply { .. } => "likely server and caller were built from different versions of the API",
            Self::TooLarge { .. } => {
                "send less, or a reference to where the data is; or raise `max_message_size` on both sides, within the \
                 broker's own limit"
            }
            Self::Fault { .. } => "likely the server has a newer version of Lightbus. Update this process",
        }))
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem(f, |error, f| write!(f, "{error}"))?;
        if f.alternate() { in_one_line(f, None, self.help()) } else { Ok(()) }
    }
}

impl<E: fmt::Debug> fmt::Debug for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem(f, |error, f| write!(f, "{error:?}"))?;
        in_paragraphs(f, None, self.help())
    }
}

// `E` need not be an `Error`, so that a method may return `Result<_, String>`; its own error is therefore part of the
// problem, and no `source`.
impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

impl<E> CallError<E> {
    /// The full name of the method that was called, such as `company.warranty.check`.
    #[must_use]
    pub fn method(&self) -> &str {
        match self {
            Self::Method { method, .. }
            | Self::NoServer { method, .. }
            | Self::UnknownMethod { method, .. }
            | Self::InvalidArguments { method, .. }
            | Self::Refused { method, .. }
            | Self::HandlerPanicked { method, .. }
            | Self::DeadlineExceeded { method, .. }
            | Self::NoTimeLeft { method }
            | Self::ShuttingDown { method }
            | Self::OutcomeUnknown { method, .. }
            | Self::NotConnected { method, .. }
            | Self::Closed { method }
            | Self::RuntimeEnded { method }
            | Self::InvalidRequest { method, .. }
            | Self::InvalidHeader { method, .. }
            | Self::InvalidReply { method, .. }
            | Self::TooLarge { method, .. }
            | Self::Fault { method, .. } => method,
        }
    }

    /// Whether the method ran or may have run, wholly or in part. If `false`, repeating the call does not run it twice.
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
            | Self::NoTimeLeft { .. }
            | Self::NotConnected { .. }
            | Self::Closed { .. }
            | Self::RuntimeEnded { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidHeader { .. }
            | Self::Refused { .. }
            | Self::TooLarge { what: MessageKind::Request, .. } => false,
        }
    }

    /// Returns the method's own error.
    ///
    /// # Errors
    ///
    /// Returns the call error itself if the call failed in another way.
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
        let help = error.help().map(Cow::into_owned);
        Self::Call { error: Box::new(error), help }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_problem_and_on_request_the_help() {
        let error = CallError::<&str>::Closed { method: "a.b".to_owned() };
        assert_eq!(error.to_string(), "a.b was not called, because this process has shut its bus down");
        let both =
            "a.b was not called, because this process has shut its bus down. Help: make calls before `Bus::shutdown`";
        assert_eq!(format!("{error:#}"), both);
        assert_eq!(format!("{error:?}"), both.replace(". Help", "\n\nHelp"));
        assert_eq!(
            format!("{:?}", Error::from(CallError::<fmt::Error>::Closed { method: "a.b".to_owned() })),
            both.replace(". Help", "\n\nHelp")
        );
    }

    #[test]
    fn a_method_error_needs_no_help() {
        let error = CallError::Method { method: "a.b".to_owned(), error: "no" };
        assert_eq!((error.to_string().as_str(), error.help()), ("a.b returned an error: no", None));
    }
}
