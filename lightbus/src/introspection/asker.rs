//! Sends questions and waits for their answers.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::answers::{Answers, QueueCount, QueueName};
use super::collection::Collection;
use super::expected::{Mentioned, Remembered};
use crate::api::Api;
use crate::builtin::{IntrospectApi, MAX_SCHEMA, Ping, SchemaPage};
use crate::error::Error;
use crate::protocol::codec;
use crate::protocol::message::{Headers, LONGEST_WAIT, Request};
use crate::protocol::name::ServiceName;
use crate::rpc::{Arguments, Decode};
use crate::runtime::bus_runtime::BusRuntime;
use crate::schema::ApiSchema;
use crate::transport::Transport;
use crate::transport::control::{Answer, Audience};

/// A question is over once nothing has arrived for this long, if nobody is missing.
const QUIET: Duration = Duration::from_millis(200);

/// How long counting consumers may take after the deadline, so that there is always a last count.
const COUNT_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends questions and waits for their answers.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) service: ServiceName,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) runtime: Arc<BusRuntime>,
    pub(crate) remembered: Arc<Remembered>,
}

impl Asker {
    pub(super) fn runtime(&self) -> &BusRuntime {
        &self.runtime
    }

    /// Asks who is there, and counts who has to be.
    pub(super) async fn ping(
        &self,
        audience: &Audience,
        expected: &[QueueName],
        limit: Duration,
    ) -> Result<Answers<Ping>, Error> {
        let deadline = deadline(limit);
        let (mut collection, mut arrivals) = self.send::<Ping>(audience, "ping", Arguments::new(0), deadline).await?;
        let mut queues = None;
        while let Some(receiver) = &mut arrivals {
            match timeout_at(deadline.min(Instant::now() + QUIET), receiver.recv()).await {
                Ok(Some(answer)) => {
                    queues = None;
                    if !collection.add(answer) || is_answered(audience, &collection) {
                        break;
                    }
                }
                Ok(None) => break,
                Err(_) if Instant::now() >= deadline => break,
                Err(_) => {
                    let counted = self.count(audience, expected, &collection, deadline).await;
                    let everybody = counted.iter().all(QueueCount::is_complete);
                    queues = Some(counted);
                    if everybody {
                        break;
                    }
                }
            }
        }
        drop(arrivals);
        let mut queues = match queues {
            Some(queues) => queues,
            None => self.count(audience, expected, &collection, deadline.max(Instant::now() + COUNT_TIMEOUT)).await,
        };
        self.remembered.update(&mut queues, &collection.answers);
        let Collection { answers, failures, dropped, .. } = collection;
        Ok(Answers { answers, failures, late: Vec::new(), queues, dropped })
    }

    async fn count(
        &self,
        audience: &Audience,
        expected: &[QueueName],
        collection: &Collection<Ping>,
        deadline: Instant,
    ) -> Vec<QueueCount> {
        let mentioned = Mentioned::new(audience, expected, &collection.answers, &self.remembered);
        mentioned.count(&*self.transport, deadline).await
    }

    /// Asks who is there, and then asks those the question.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        audience: &Audience,
        expected: &[QueueName],
        limit: Duration,
        method: &'static str,
        arguments: Arguments,
    ) -> Result<Answers<T>, Error> {
        let Answers { answers: pings, failures: unclear, queues, .. } = self.ping(audience, expected, limit).await?;
        // All of them have answered before, so only one that leaves now makes this long.
        let deadline = deadline(limit);
        let (mut collection, arrivals) = self.send::<T>(audience, method, arguments, deadline).await?;
        let mut missing = pings.len();
        if let Some(mut arrivals) = arrivals {
            while missing > 0
                && let Ok(Some(answer)) = timeout_at(deadline, arrivals.recv()).await
            {
                let (process, known) = (answer.process.clone(), collection.has(&answer.process));
                let goes_on = collection.add(answer);
                if !known && pings.iter().any(|ping| ping.process == *process) {
                    missing -= 1;
                }
                if !goes_on {
                    break;
                }
            }
        }
        let late = pings.into_iter().map(|ping| ping.process).filter(|process| !collection.has(process)).collect();
        let unclear = unclear.into_iter().filter(|failure| !collection.has(&failure.process)).collect::<Vec<_>>();
        let Collection { answers, mut failures, dropped, .. } = collection;
        failures.extend(unclear);
        Ok(Answers { answers, failures, late, queues, dropped })
    }

    /// Fetches a schema from the first process that has it.
    pub(super) async fn schema(
        &self,
        audience: &Audience,
        hash: &str,
        limit: Duration,
    ) -> Result<Option<ApiSchema>, Error> {
        let question = |from: usize| {
            let mut arguments = Arguments::new(2);
            arguments.write("hash", hash);
            arguments.write("from", &(from as u64));
            arguments
        };
        let found = self.ask::<Option<SchemaPage>>(audience, &[], limit, "schema", question(0)).await?;
        for answer in found.answers {
            let Some(SchemaPage { mut text, total }) = answer.value else { continue };
            let process = Audience::Process(answer.process.into());
            while (text.len() as u64) < total.min(MAX_SCHEMA) {
                let deadline = deadline(limit);
                match self.next_page(&process, question(text.len()), deadline).await? {
                    Some(page) if !page.text.is_empty() => text.push_str(&page.text),
                    _ => break,
                }
            }
            if let Ok(schema) = ApiSchema::from_json(&text)
                && schema.hash().to_string() == hash
            {
                return Ok(Some(schema));
            }
        }
        Ok(None)
    }

    async fn next_page(
        &self,
        process: &Audience,
        question: Arguments,
        deadline: Instant,
    ) -> Result<Option<SchemaPage>, Error> {
        let (mut collection, arrivals) = self.send::<Option<SchemaPage>>(process, "schema", question, deadline).await?;
        let Some(mut arrivals) = arrivals else { return Ok(None) };
        while !is_answered(process, &collection)
            && let Ok(Some(answer)) = timeout_at(deadline, arrivals.recv()).await
        {
            if !collection.add(answer) {
                break;
            }
        }
        let own =
            collection.answers.into_iter().find(|answer| *process == Audience::Process((&*answer.process).into()));
        Ok(own.and_then(|answer| answer.value))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        audience: &Audience,
        method: &'static str,
        arguments: Arguments,
        deadline: Instant,
    ) -> Result<(Collection<T>, Option<mpsc::Receiver<Answer>>), Error> {
        let api = IntrospectApi::DESCRIPTOR.name();
        // What these arguments are made of always encodes.
        let payload = arguments.finish().unwrap_or_default();
        let question = Request {
            id: Uuid::now_v7().to_string().into(),
            api: api.into(),
            method: method.into(),
            caller: self.service.text(),
            deadline: Some(deadline),
            payload,
            trace: None,
            headers: Headers::default(),
        };
        let asked = Instant::now();
        let arrivals = self.transport.ask(audience, question).await?;
        Ok((Collection::new(api, method, Decode { value: codec::decode, error: None }, asked), arrivals))
    }
}

fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit.min(LONGEST_WAIT)
}

/// Whether the one process that was asked has answered.
fn is_answered<T>(audience: &Audience, collection: &Collection<T>) -> bool {
    matches!(audience, Audience::Process(process) if collection.has(process))
}
