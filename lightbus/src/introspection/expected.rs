//! Who has to answer: counted from the consumers of the queues that are mentioned.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use futures_util::StreamExt;
use futures_util::stream;

use super::answers::{Answer, QueueCount, QueueName};
use crate::builtin::Ping;
use crate::protocol::destination::Destination;
use crate::protocol::name::{NameKind, ServiceName, SubscriptionName};
use crate::runtime::sync::lock;
use crate::transport::Transport;
use crate::transport::control::{Audience, ConsumedQueue};

/// How many queues are counted. A process that lies may mention any number.
const MAX_QUEUES: usize = 1000;

/// How many processes are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// How many queues are counted at a time.
const AT_ONCE: usize = 8;

/// What processes consumed when they last answered, so that those that fall silent can be named.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    processes: Mutex<HashMap<String, BTreeSet<QueueName>>>,
}

/// The queues that are mentioned, and how many of those that answered consume each.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Mentioned {
    queues: BTreeMap<QueueName, u32>,
}

impl Mentioned {
    pub(super) fn new(
        audience: &Audience,
        expected: &[QueueName],
        answers: &[Answer<Ping>],
        remembered: &Remembered,
    ) -> Self {
        let mut mentioned = Self { queues: expected.iter().map(|queue| (queue.clone(), 0)).collect() };
        if matches!(audience, Audience::Process(_)) {
            return mentioned;
        }
        let everyone = *audience == Audience::Everyone;
        for Answer { value: ping, .. } in answers {
            for queue in consumed(ping) {
                if let Some(consumers) = mentioned.of(queue) {
                    *consumers = consumers.saturating_add(1);
                }
            }
            for api in ping.calls.iter().filter(|_| everyone) {
                mentioned.of(QueueName::Api { api: api.clone() });
            }
        }
        let processes = lock(&remembered.processes);
        for queue in processes.values().flatten().filter(|queue| everyone || queue.is_of(audience)) {
            mentioned.of(queue.clone());
        }
        mentioned
    }

    fn of(&mut self, queue: QueueName) -> Option<&mut u32> {
        let is_known = self.queues.contains_key(&queue);
        if !is_known && (self.queues.len() >= MAX_QUEUES || !queue.is_valid()) {
            return None;
        }
        Some(self.queues.entry(queue).or_default())
    }

    /// Counts the consumers of the queues.
    pub(super) async fn count(self, transport: &dyn Transport) -> Vec<QueueCount> {
        let counted = stream::iter(self.queues).map(async |(queue, answered)| {
            let consumers = match queue.consumed() {
                Some(consumed) => transport.consumers(&consumed).await,
                None => Some(0),
            };
            QueueCount { queue, consumers, answered, silent: Vec::new() }
        });
        counted.buffered(AT_ONCE).collect().await
    }

    /// The queues without their consumers, if the time does not suffice to count them.
    pub(super) fn uncounted(self) -> Vec<QueueCount> {
        let uncounted = |(queue, answered)| QueueCount { queue, consumers: None, answered, silent: Vec::new() };
        self.queues.into_iter().map(uncounted).collect()
    }
}

impl Remembered {
    /// Names the processes that fell silent, and remembers those that answered.
    pub(super) fn update(&self, queues: &mut [QueueCount], answers: &[Answer<Ping>]) {
        let mut processes = lock(&self.processes);
        for answer in answers {
            processes.remove(&answer.process);
        }
        for queue in queues.iter_mut().filter(|queue| queue.missing() > 0) {
            let silent = processes.iter().filter(|(_, consumed)| consumed.contains(&queue.queue));
            queue.silent = silent.map(|(process, _)| process.clone()).collect();
            queue.silent.sort_unstable();
        }
        // Those that are in no queue with a missing consumer have left.
        processes.retain(|process, _| queues.iter().any(|queue| queue.silent.contains(process)));
        for Answer { process, value, .. } in answers {
            let queues: BTreeSet<_> = consumed(value).filter(QueueName::is_valid).take(MAX_QUEUES).collect();
            if !queues.is_empty() && processes.len() < MAX_REMEMBERED {
                processes.insert(process.clone(), queues);
            }
        }
    }
}

/// The queues that a process consumes, as it says itself.
fn consumed(ping: &Ping) -> impl Iterator<Item = QueueName> {
    let apis = ping.serves.iter().map(|api| QueueName::Api { api: api.clone() });
    let subscriptions = ping
        .subscriptions
        .iter()
        .map(|name| QueueName::Subscription { service: ping.service.clone(), name: name.clone() });
    apis.chain(subscriptions)
}

impl QueueName {
    fn is_valid(&self) -> bool {
        match self {
            Self::Api { api } => NameKind::Api.problem(api).is_none(),
            Self::Subscription { .. } => self.consumed().is_some(),
        }
    }

    fn is_of(&self, audience: &Audience) -> bool {
        matches!((self, audience), (Self::Subscription { service, .. }, Audience::Service(asked)) if service == asked)
    }

    fn consumed(&self) -> Option<ConsumedQueue> {
        match self {
            Self::Api { api } => Some(ConsumedQueue::Api(api.into())),
            Self::Subscription { service, name } => Some(ConsumedQueue::Destination(Destination::Subscription {
                service: ServiceName::new(service).ok()?,
                name: SubscriptionName::new(name).ok()?,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(process: &str, serves: &[&str], subscriptions: &[&str], calls: &[&str]) -> Answer<Ping> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (serves, subscriptions, calls) = (owned(serves), owned(subscriptions), owned(calls));
        let value = Ping { service: "desk".to_owned(), serves, subscriptions, calls, ..Ping::default() };
        Answer { process: process.to_owned(), round_trip: Duration::ZERO, value }
    }

    fn api(name: &str) -> QueueName {
        QueueName::Api { api: name.to_owned() }
    }

    fn counts(mentioned: Mentioned, consumers: u32) -> Vec<QueueCount> {
        let counted = |queue| QueueCount { consumers: Some(consumers), ..queue };
        mentioned.uncounted().into_iter().map(counted).collect()
    }

    fn mention(answers: &[Answer<Ping>], remembered: &Remembered) -> Mentioned {
        Mentioned::new(&Audience::Everyone, &[], answers, remembered)
    }

    #[test]
    fn each_queue_that_is_mentioned_counts() {
        let answers = [answer("a", &["x"], &["audit"], &["y"]), answer("b", &["x"], &[], &[])];
        let remembered = Remembered::default();
        let mentioned = Mentioned::new(&Audience::Everyone, &[api("z")], &answers, &remembered);
        let queues: Vec<_> = mentioned.queues.into_iter().map(|(queue, count)| (queue.to_string(), count)).collect();
        let expected = [("x", 2), ("y", 0), ("z", 0), ("desk/audit", 1)];
        assert_eq!(queues, expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn names_that_no_queue_has_and_names_without_end_are_not_counted() {
        let many: Vec<String> = (0..2 * MAX_QUEUES).map(|number| format!("api{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let answers = [answer("a", &["NO", "", "a b"], &["not a name"], &[]), answer("b", &many, &[], &[])];
        assert_eq!(mention(&answers, &Remembered::default()).queues.len(), MAX_QUEUES);
    }

    #[test]
    fn a_process_that_falls_silent_is_named_until_it_has_left() {
        let remembered = Remembered::default();
        let both = [answer("a", &["x"], &[], &[]), answer("b", &["x"], &[], &[])];
        let mut queues = counts(mention(&both, &remembered), 2);
        remembered.update(&mut queues, &both);
        assert!(queues.iter().all(|queue| queue.silent.is_empty()));

        let one = &both[..1];
        let mut queues = counts(mention(one, &remembered), 2);
        remembered.update(&mut queues, one);
        assert_eq!((queues[0].missing(), &*queues[0].silent), (1, &["b".to_owned()][..]));
        assert_eq!(queues[0].to_string(), "x: 2 consumers, 1 answered; b answered earlier");

        // All of them may be silent.
        let mut queues = counts(mention(&[], &remembered), 2);
        remembered.update(&mut queues, &[]);
        assert_eq!(queues[0].silent, ["a", "b"]);

        let mut queues = counts(mention(one, &remembered), 1);
        remembered.update(&mut queues, one);
        assert!(queues[0].silent.is_empty());
        assert_eq!(lock(&remembered.processes).len(), 1);
    }
}
