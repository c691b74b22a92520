//! Who has to answer: counted from the consumers of the queues that are mentioned.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

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
///
/// Their order is the order in which they are counted. Each process mentions one queue in turn, so that one that mentions queues
/// without end leaves time for the others.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    order: Vec<QueueName>,
    answered: HashMap<QueueName, u32>,
}

impl Mentioned {
    pub(super) fn new(
        audience: &Audience,
        expected: &[QueueName],
        answers: &[Answer<Ping>],
        remembered: &Remembered,
    ) -> Self {
        let mut mentioned = Self::default();
        expected.iter().for_each(|queue| mentioned.add(queue.clone()));
        if matches!(audience, Audience::Process(_)) {
            return mentioned;
        }
        let everyone = *audience == Audience::Everyone;
        let mut turns: Vec<_> = answers
            .iter()
            .map(|Answer { value: ping, .. }| consumed(ping).chain(called(ping).filter(move |_| everyone)))
            .collect();
        while !turns.is_empty() && mentioned.order.len() < MAX_QUEUES {
            turns.retain_mut(|turn| turn.next().map(|queue| mentioned.add(queue)).is_some());
        }
        for queue in answers.iter().flat_map(|answer| consumed(&answer.value)) {
            if let Some(answered) = mentioned.answered.get_mut(&queue) {
                *answered = answered.saturating_add(1);
            }
        }
        let processes = lock(&remembered.processes);
        for queue in processes.values().flatten().filter(|queue| everyone || queue.is_of(audience)) {
            mentioned.add(queue.clone());
        }
        mentioned
    }

    fn add(&mut self, queue: QueueName) {
        if self.order.len() < MAX_QUEUES && queue.is_valid() && !self.answered.contains_key(&queue) {
            self.answered.insert(queue.clone(), 0);
            self.order.push(queue);
        }
    }

    /// Counts the consumers of the queues until the deadline. Those that are left over then have no count.
    pub(super) async fn count(self, transport: &dyn Transport, deadline: Instant) -> Vec<QueueCount> {
        let Self { order, answered } = self;
        let counted = stream::iter(order).map(async |queue| {
            let answered = answered.get(&queue).copied().unwrap_or_default();
            let consumers = match queue.consumed() {
                Some(consumed) => timeout_at(deadline, transport.consumers(&consumed)).await.unwrap_or_default(),
                None => Some(0),
            };
            QueueCount { queue, consumers, answered, silent: Vec::new() }
        });
        let mut counts: Vec<_> = counted.buffered(AT_ONCE).collect().await;
        counts.sort_by(|one, other| one.queue.cmp(&other.queue));
        counts
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

/// The queues of the APIs that a process has clients of.
fn called(ping: &Ping) -> impl Iterator<Item = QueueName> {
    ping.calls.iter().map(|api| QueueName::Api { api: api.clone() })
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
        let Mentioned { order, answered } = mentioned;
        let counted = |queue| {
            let answered = answered[&queue];
            QueueCount { queue, consumers: Some(consumers), answered, silent: Vec::new() }
        };
        order.into_iter().map(counted).collect()
    }

    fn mention(answers: &[Answer<Ping>], remembered: &Remembered) -> Mentioned {
        Mentioned::new(&Audience::Everyone, &[], answers, remembered)
    }

    #[test]
    fn each_queue_that_is_mentioned_counts() {
        let answers = [answer("a", &["x"], &["audit"], &["y"]), answer("b", &["x"], &[], &[])];
        let remembered = Remembered::default();
        let mentioned = Mentioned::new(&Audience::Everyone, &[api("z")], &answers, &remembered);
        let queues: Vec<_> = counts(mentioned, 0).into_iter().map(|it| (it.queue.to_string(), it.answered)).collect();
        let expected = [("z", 0), ("x", 2), ("desk/audit", 1), ("y", 0)];
        assert_eq!(queues, expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn names_that_no_queue_has_and_names_without_end_are_not_counted() {
        let many: Vec<String> = (0..2 * MAX_QUEUES).map(|number| format!("api{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let answers = [
            answer("a", &["NO", "", "a b"], &["not a name"], &[]),
            answer("b", &many, &[], &[]),
            answer("c", &["x"], &["audit"], &[]),
        ];
        let mentioned = mention(&answers, &Remembered::default());
        assert_eq!(mentioned.order.len(), MAX_QUEUES);
        let first: Vec<_> = mentioned.order.iter().take(4).map(ToString::to_string).collect();
        assert_eq!(first, ["api0", "x", "api1", "desk/audit"]);
    }

    #[test]
    fn a_silent_process_is_listed_until_it_has_left() {
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
