//! The story of a message: what it caused, in every process, as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{Next, Record, RecordKind};
use crate::duration::shown;

/// How deep a tree may be. A longer chain of causes is cut.
const DEEPEST: usize = 64;

/// The story of a message, from the first message that caused it. Returned by [`Bus::trace`](crate::Bus::trace).
///
/// It is ordered by cause first and by time second, because the clocks of processes differ. `{trace}` draws it as a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Trace {
    /// The message that started it all, as far as it is recorded.
    pub root: TraceNode,
}

/// A call or an event in a [`Trace`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TraceNode {
    /// The id of the message.
    pub id: String,
    /// How it was sent. `None` if no process that answered has a record of that.
    pub sent: Option<Step>,
    /// How it was handled: a call once, an event by each subscription and in each attempt.
    pub handled: Vec<Step>,
    /// What it caused in a handler of which there is no record.
    pub caused: Vec<Self>,
}

/// What one process did with a message in a [`Trace`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The id of the process.
    pub process: String,
    /// What it did.
    pub record: Record,
    /// What its handler sent meanwhile.
    pub caused: Vec<TraceNode>,
}

impl Trace {
    /// Puts a tree together from records, each with the id of its process. It contains the message with this id.
    #[must_use]
    pub fn assemble(id: &str, records: impl IntoIterator<Item = (String, Record)>) -> Self {
        let mut messages = BTreeMap::<String, TraceNode>::new();
        let mut children = BTreeMap::<String, BTreeSet<String>>::new();
        for (process, record) in records {
            if let Some(cause) = &record.cause {
                children.entry(cause.id.clone()).or_default().insert(record.id.clone());
            }
            let node = messages.entry(record.id.clone()).or_default();
            node.id.clone_from(&record.id);
            let sent = matches!(record.kind, RecordKind::CallSent | RecordKind::EventPublished);
            let step = Step { process, record, caused: Vec::new() };
            if sent { node.sent = Some(step) } else { node.handled.push(step) }
        }
        let mut root = id.to_owned();
        let mut seen = BTreeSet::new();
        while seen.insert(root.clone())
            && let Some(cause) = messages.get(&root).and_then(TraceNode::cause)
            && !seen.contains(cause)
        {
            root = cause.to_owned();
        }
        Self { root: Assembly { messages, children }.take(&root, 0) }
    }

    /// The deepest failure, which most likely made the others fail. `None` if nothing failed.
    #[must_use]
    pub fn root_cause(&self) -> Option<&Step> {
        self.root.deepest_failure(0).map(|(_, step)| step)
    }
}

/// Messages that have no place in the tree yet. Each is taken once, so cycles end.
struct Assembly {
    messages: BTreeMap<String, TraceNode>,
    children: BTreeMap<String, BTreeSet<String>>,
}

impl Assembly {
    fn take(&mut self, id: &str, depth: usize) -> TraceNode {
        let mut node =
            self.messages.remove(id).unwrap_or_else(|| TraceNode { id: id.to_owned(), ..TraceNode::default() });
        node.handled.sort_by(|one, other| one.order().cmp(&other.order()));
        if depth < DEEPEST {
            for child in self.children.remove(id).unwrap_or_default() {
                if self.messages.contains_key(&child) {
                    node.adopt(self.take(&child, depth + 1));
                }
            }
        }
        node
    }
}

impl TraceNode {
    fn cause(&self) -> Option<&str> {
        self.sent.as_ref()?.record.cause.as_ref().map(|cause| &*cause.id)
    }

    /// Puts a message below the handler that sent it, in the same process.
    fn adopt(&mut self, child: Self) {
        let handler = child.sent.as_ref().and_then(|sent| {
            let cause = sent.record.cause.as_ref()?;
            self.handled.iter_mut().rev().find(|step| {
                let record = &step.record;
                step.process == sent.process
                    && (&*record.subscription, record.attempt) == (&*cause.subscription, cause.attempt)
                    && record.started <= sent.record.started
            })
        });
        let siblings = handler.map_or(&mut self.caused, |step| &mut step.caused);
        siblings.push(child);
        siblings.sort_by_key(|node| node.sent.as_ref().map(|sent| sent.record.started));
    }

    fn deepest_failure(&self, depth: usize) -> Option<(usize, &Step)> {
        let own = self.sent.iter().map(|step| (depth, step));
        let handled = self.handled.iter().map(|step| (depth + 1, step));
        let failed = own.chain(handled).filter(|(_, step)| !step.record.outcome.is_success());
        let caused = self.handled.iter().flat_map(|step| &step.caused).chain(&self.caused);
        let below = caused.filter_map(|node| node.deepest_failure(depth + 2));
        // Of several, the first one.
        failed.chain(below).reduce(|deepest, next| if next.0 > deepest.0 { next } else { deepest })
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        match &self.sent {
            Some(step) => step.draw(f, indent, &self.id)?,
            None => writeln!(f, "{:indent$}{}: there is no record of its sending", "", self.id)?,
        }
        for step in &self.handled {
            step.draw(f, indent + 2, "")?;
            for node in &step.caused {
                node.draw(f, indent + 4)?;
            }
        }
        for node in &self.caused {
            node.draw(f, indent + 2)?;
        }
        Ok(())
    }
}

impl Step {
    fn order(&self) -> (&str, std::time::SystemTime, u32) {
        (&self.record.subscription, self.record.started, self.record.attempt)
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: usize, id: &str) -> fmt::Result {
        let Self { process, record, .. } = self;
        write!(f, "{:indent$}", "")?;
        match record.kind {
            RecordKind::CallSent => write!(f, "{} {id} called", record.name)?,
            RecordKind::EventPublished => write!(f, "{} {id} published", record.name)?,
            RecordKind::EventHandled => write!(f, "{}, attempt {}", record.subscription, record.attempt)?,
            RecordKind::CallServed | RecordKind::Unknown => f.write_str("served")?,
        }
        write!(f, " by {process}: {} after {}", record.outcome, shown(record.lasted))?;
        if !record.error.is_empty() {
            write!(f, ": {}", record.error)?;
        }
        match record.next {
            Some(Next::Retry { after_ms }) => {
                write!(f, "; retried after {}", shown(std::time::Duration::from_millis(after_ms)))?;
            }
            Some(Next::DeadLetter) => f.write_str("; moved to the dead letters")?,
            None => {}
        }
        writeln!(f)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.draw(f, 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Cause;
    use super::*;
    use crate::stats::Outcome;

    fn record(kind: RecordKind, id: u8, cause: Option<u8>, outcome: Outcome) -> Record {
        let cause = cause.map(|id| Cause { id: id.to_string(), subscription: String::new(), attempt: 1 });
        Record { id: id.to_string(), kind, name: "company.warranty.check".into(), cause, outcome, ..Record::default() }
    }

    fn count(node: &TraceNode) -> usize {
        let caused = node.handled.iter().flat_map(|step| &step.caused).chain(&node.caused);
        1 + caused.map(count).sum::<usize>()
    }

    #[test]
    fn a_nested_call_is_below_the_handler_that_made_it_and_its_failure_is_the_cause() {
        use RecordKind::{CallSent, CallServed};
        let records = [
            ("b", record(CallSent, 2, Some(1), Outcome::NoServer)),
            ("b", record(CallServed, 1, None, Outcome::Panicked)),
            ("a", record(CallSent, 1, None, Outcome::Panicked)),
        ];
        let trace = Trace::assemble("2", records.map(|(process, record)| (process.to_owned(), record)));
        assert_eq!((&*trace.root.id, &*trace.root.handled[0].caused[0].id), ("1", "2"));
        assert_eq!(trace.root_cause().unwrap().record.outcome, Outcome::NoServer);
        assert_eq!(trace.to_string().lines().count(), 3, "{trace}");
    }

    proptest! {
        /// Causes may be missing, go in circles, or be the message itself.
        #[test]
        fn any_records_make_a_tree_with_the_message_in_it(
            records in prop::collection::vec((0..12_u8, prop::option::of(0..12_u8), any::<bool>()), 0..40),
            id in 0..12_u8,
        ) {
            let records = records.into_iter().map(|(id, cause, sent)| {
                let kind = if sent { RecordKind::CallSent } else { RecordKind::CallServed };
                ("a".to_owned(), record(kind, id, cause.filter(|_| sent), Outcome::Ok))
            });
            let trace = Trace::assemble(&id.to_string(), records);
            prop_assert!(count(&trace.root) <= 13);
            prop_assert!(trace.to_string().split_whitespace().any(|word| word.trim_end_matches(':') == id.to_string()), "{trace}");
            prop_assert!(trace.root_cause().is_none());
        }
    }
}
