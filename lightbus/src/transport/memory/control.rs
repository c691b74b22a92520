//! Questions on a bus in memory.

use std::sync::Arc;

use async_trait::async_trait;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::queue::ProcessId;
use crate::protocol::message::{Payload, Reply, Request};
use crate::transport::control::{ANSWERS_AT_ONCE, Answer, Audience, Respondent};
use crate::transport::{RequestDelivery, RequestHandle, RequestSink};

/// The processes on the bus that answer questions.
#[derive(Debug, Default)]
pub(super) struct Respondents {
    known: Vec<(ProcessId, Respondent, Arc<dyn RequestSink>)>,
}

/// The processes that get a question.
pub(super) type Asked = Vec<(SmolStr, Arc<dyn RequestSink>)>;

impl Respondents {
    pub(super) fn add(&mut self, process: ProcessId, respondent: Respondent, sink: Arc<dyn RequestSink>) {
        self.known.push((process, respondent, sink));
    }

    /// Removes a process, and returns its sinks.
    pub(super) fn remove(&mut self, process: ProcessId) -> Vec<Arc<dyn RequestSink>> {
        let removed = self.known.extract_if(.., |(of, ..)| *of == process);
        removed.map(|(_, _, sink)| sink).collect()
    }

    pub(super) fn of(&self, audience: &Audience) -> Asked {
        let asked = self.known.iter().filter(|(_, respondent, _)| audience.includes(respondent));
        asked.map(|(_, respondent, sink)| (respondent.process.clone(), Arc::clone(sink))).collect()
    }
}

/// Hands a question to the processes. Nothing may be locked: a sink may come back to the broker at once.
pub(super) fn ask(asked: Asked, question: &Request) -> Option<mpsc::Receiver<Answer>> {
    if asked.is_empty() {
        return None;
    }
    let (answers, receiver) = mpsc::channel(ANSWERS_AT_ONCE);
    for (process, sink) in asked {
        let handle = Box::new(MemoryQuestionHandle { process, answers: answers.clone() });
        sink.deliver(RequestDelivery { request: question.clone(), redelivered: false, handle });
    }
    Some(receiver)
}

#[derive(Debug)]
struct MemoryQuestionHandle {
    process: SmolStr,
    answers: mpsc::Sender<Answer>,
}

#[async_trait]
impl RequestHandle for MemoryQuestionHandle {
    fn is_current(&self) -> bool {
        !self.answers.is_closed()
    }

    fn accept(self: Box<Self>) {}

    fn reply(self: Box<Self>, reply: Reply) {
        let Self { process, answers } = *self;
        // Who asks reads faster than others answer. Otherwise the answer is lost, as on a network.
        let _ = answers.try_send(Answer { process, reply, arrived: Instant::now() });
    }

    async fn reply_then_accept(self: Box<Self>, reply: Reply) {
        self.reply(reply);
    }

    fn requeue(self: Box<Self>, _: Payload) {}
}
