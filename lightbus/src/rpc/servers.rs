//! Whether an API was served when a call to it was given up.

use std::fmt;

/// Whether any process was serving an API when a call to it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Servers {
    /// This many processes were serving it.
    Running(u32),
    /// No process was serving it.
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

impl Servers {
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Running(_) => {
                "likely the method is slow, or the server is busy with other calls. Raise the timeout or the server's \
                 `concurrency`, or start another process. A method that calls its own API needs one more place in its \
                 `concurrency` for that call"
            }
            Self::None => "start the service that serves the API",
            Self::Unknown => {
                "raise the timeout if the method needs longer, and check that the API's service is running"
            }
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(1) => f.write_str("1 process was serving the API"),
            Self::Running(count) => write!(f, "{count} processes were serving the API"),
            Self::None => f.write_str("no process was serving the API any more"),
            Self::Unknown => f.write_str("the broker did not say whether a process was serving the API"),
        }
    }
}
