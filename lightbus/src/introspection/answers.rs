//! What came of a question.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::rpc::error::CallError;

/// The answers of many processes to one question, and who did not answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answers<T> {
    /// The answers, in the order in which they arrived.
    pub answers: Vec<Answer<T>>,
    /// The answers that are none: those that do not decode or are too large, and the faults of older processes that do not know
    /// the question.
    pub failures: Vec<FailedAnswer>,
    /// The ids of processes that are there but did not answer this question in time.
    pub late: Vec<String>,
    /// How many processes consume each queue, and how many of them answered. Only queues that an answer mentions, that are
    /// [expected](super::Introspection::expect_api), or that an earlier answer mentioned.
    pub queues: Vec<QueueCount>,
    /// How many messages were dropped: second answers of one process, answers that do not say whose they are, and what is more
    /// than one question may bring.
    pub dropped: u64,
}

/// The answer of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The id of the process, as it says itself.
    pub process: String,
    /// How long the question and its answer took.
    pub round_trip: Duration,
    /// What it says.
    pub value: T,
}

/// An answer that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedAnswer {
    /// The id of the process, as it says itself.
    pub process: String,
    /// What is wrong with its answer.
    pub error: CallError,
}

/// A queue that processes consume, and how many of them answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueCount {
    /// The queue.
    pub queue: QueueName,
    /// How many processes consume it. `None` if the broker does not say, as it does to users without permission.
    pub consumers: Option<u32>,
    /// How many of the processes that answered consume it.
    pub answered: u32,
    /// The ids of processes that consumed it when they answered earlier, and did not answer this time.
    pub silent: Vec<String>,
}

/// What a queue is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum QueueName {
    /// The calls of an API.
    Api {
        /// The API's name.
        api: String,
    },
    /// The events of a subscription.
    Subscription {
        /// The service.
        service: String,
        /// The subscription's name within the service.
        name: String,
    },
}

impl<T> Answers<T> {
    /// The queues with consumers that did not answer. Their processes are paused, overloaded, or older than introspection.
    pub fn missing(&self) -> impl Iterator<Item = &QueueCount> {
        self.queues.iter().filter(|queue| queue.missing() > 0)
    }

    /// Whether every process that can be counted has answered. Processes that only call or publish consume nothing, so they
    /// cannot be counted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.late.is_empty() && self.queues.iter().all(QueueCount::is_complete)
    }

    /// The answer of the process with that id.
    #[must_use]
    pub fn of(&self, process: &str) -> Option<&T> {
        self.answers.iter().find(|answer| answer.process == process).map(|answer| &answer.value)
    }
}

impl QueueCount {
    /// How many processes consume the queue and did not answer.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.consumers.unwrap_or(0).saturating_sub(self.answered)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.consumers.is_some_and(|consumers| consumers <= self.answered)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { api } => f.write_str(api),
            Self::Subscription { service, name } => write!(f, "{service}/{name}"),
        }
    }
}

/// In words: `company.warranty: 4 consumers, 3 answered`.
impl fmt::Display for QueueCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, consumers, answered, silent } = self;
        match consumers {
            None => write!(f, "{queue}: {answered} answered; the broker does not say how many processes consume it")?,
            Some(1) => write!(f, "{queue}: 1 consumer, {answered} answered")?,
            Some(consumers) => write!(f, "{queue}: {consumers} consumers, {answered} answered")?,
        }
        if !silent.is_empty() {
            write!(f, "; {} answered earlier", silent.join(", "))?;
        }
        Ok(())
    }
}
