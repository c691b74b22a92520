//! Questions to processes: one question goes to many, and each of them may answer.

use std::sync::Arc;

use async_trait::async_trait;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::calls::RequestSink;
use crate::error::Error;
use crate::protocol::destination::Destination;
use crate::protocol::message::{Reply, Request};

/// How many answers may wait to be read.
pub(crate) const ANSWERS_AT_ONCE: usize = 256;

/// How many questions a process works on at a time. It drops further ones: only somebody who floods it asks so many.
pub(crate) const QUESTIONS_AT_ONCE: usize = 100;

/// Asks processes about themselves, and answers.
#[async_trait]
pub(crate) trait ControlTransport {
    /// Hands questions to the sink, from soon after the connection is made and after every reconnect on. Returns at once.
    ///
    /// A broker that does not permit it is no failure: the process then answers nothing, and the log says so once.
    fn answer_questions(&self, respondent: Respondent, sink: Arc<dyn RequestSink>);

    /// Sends a question, and returns once it is known whether somebody got it. `None` if nobody did.
    ///
    /// Answers arrive until the deadline of the question, or until the receiver is dropped. Anybody may have sent them.
    ///
    /// # Errors
    ///
    /// When the broker refuses, or there is no connection by the deadline.
    async fn ask(&self, audience: &Audience, question: Request) -> Result<Option<mpsc::Receiver<Answer>>, Error>;

    /// Counts the consumers of a queue, zero if it does not exist. `None` when the broker does not say.
    async fn consumers(&self, queue: &ConsumedQueue) -> Option<u32>;
}

/// A process that answers questions.
#[derive(Debug, Clone)]
pub(crate) struct Respondent {
    /// The API that the questions belong to.
    pub(crate) api: &'static str,
    pub(crate) service: SmolStr,
    /// The id of the process, which no other process has.
    pub(crate) process: SmolStr,
}

/// Whom a question is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    Everyone,
    /// All processes of a service.
    Service(SmolStr),
    /// The process with that id.
    Process(SmolStr),
}

/// An answer to a question.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The id of the process, as it says itself.
    pub(crate) process: SmolStr,
    pub(crate) reply: Reply,
    pub(crate) arrived: Instant,
}

/// A queue that processes consume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ConsumedQueue {
    Api(SmolStr),
    Destination(Destination),
}

impl Audience {
    /// The routing key of questions for it.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Everyone => "all".to_owned(),
            Self::Service(service) => ["service.", service].concat(),
            Self::Process(process) => ["process.", process].concat(),
        }
    }

    /// Whether it includes a process.
    pub(crate) fn includes(&self, respondent: &Respondent) -> bool {
        match self {
            Self::Everyone => true,
            Self::Service(service) => *service == respondent.service,
            Self::Process(process) => *process == respondent.process,
        }
    }
}

impl Respondent {
    /// The audiences that it is part of.
    pub(crate) fn audiences(&self) -> [Audience; 3] {
        [Audience::Everyone, Audience::Service(self.service.clone()), Audience::Process(self.process.clone())]
    }
}
