//! Where messages wait for the handlers of one subscription or of one task.

use std::fmt;

use smol_str::SmolStr;

use crate::protocol::name::{NameError, NameKind, ServiceName, SubscriptionName};

/// Where messages wait for their handlers. Each has a queue, and a queue of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Destination {
    /// A subscription: the processes of its service share its events.
    Subscription { service: ServiceName, name: SubscriptionName },
    /// A task: the processes that serve its API share what is enqueued.
    Task { api: SmolStr, task: SmolStr },
}

impl Destination {
    /// The task of an API.
    ///
    /// # Errors
    ///
    /// If a name breaks its rule.
    pub(crate) fn task(api: &str, task: &str) -> Result<Self, NameError> {
        NameError::check(NameKind::Api, api)?;
        NameError::check(NameKind::Member, task)?;
        Ok(Self::Task { api: api.into(), task: task.into() })
    }

    /// Whether it gets the events that match a pattern, and not only what is sent to it.
    pub(crate) const fn is_subscription(&self) -> bool {
        matches!(self, Self::Subscription { .. })
    }
}

/// The name that dead letters and the log have for it: that of the subscription, or the full name of the task.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscription { name, .. } => name.fmt(f),
            Self::Task { api, task } => write!(f, "{api}.{task}"),
        }
    }
}
