//! Records what the services on the bus of a test do, and which of it the test has expected.

use std::collections::HashSet;
use std::sync::Mutex;

use super::record::{Record, RecordedCall, RecordedEvent};
use crate::protocol::message::{EventMessage, Request};
use crate::runtime::sync::lock;
use crate::transport::CallOutcome;

/// How many records a message shows.
const SHOWN: usize = 30;

/// Records what the services on the bus of a test do.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Mutex<Vec<Entry>>,
    /// What the test did not provide for.
    mistakes: Mutex<Vec<String>>,
    /// The dead letters that were expected.
    letters: Mutex<HashSet<String>>,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    /// An assertion has taken it.
    expected: bool,
}

impl Ledger {
    /// Records a call, and returns its place.
    pub(super) fn record_call(&self, request: &Request) -> usize {
        self.add(Record::Call(RecordedCall::new(request)))
    }

    pub(super) fn record_outcome(&self, place: usize, outcome: &CallOutcome) {
        if let Some(Entry { record: Record::Call(call), .. }) = lock(&self.entries).get_mut(place) {
            call.end(outcome);
        }
    }

    pub(super) fn record_event(&self, event: &EventMessage) {
        self.add(Record::Event(RecordedEvent::new(event)));
    }

    fn add(&self, record: Record) -> usize {
        let mut entries = lock(&self.entries);
        entries.push(Entry { record, expected: false });
        entries.len() - 1
    }

    /// Takes the first record that was not expected before and that this makes something of.
    pub(super) fn take<T>(&self, mut wanted: impl FnMut(&Record) -> Option<T>) -> Option<T> {
        let mut entries = lock(&self.entries);
        entries.iter_mut().filter(|entry| !entry.expected).find_map(|entry| {
            let taken = wanted(&entry.record)?;
            entry.expected = true;
            Some(taken)
        })
    }

    /// The records that no assertion has taken.
    pub(super) fn unexpected(&self) -> Vec<Record> {
        lock(&self.entries).iter().filter(|entry| !entry.expected).map(|entry| entry.record.clone()).collect()
    }

    /// Every record in a line of its own.
    pub(super) fn listed(&self) -> String {
        let entries = lock(&self.entries);
        if entries.is_empty() {
            return "No service has called or published anything.".to_owned();
        }
        let mut text = "Everything that the services did, in order:".to_owned();
        for Entry { record, expected } in entries.iter().take(SHOWN) {
            text.push_str(&format!("\n  {record}{}", if *expected { " (already expected)" } else { "" }));
        }
        if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("\n  and {more} more"));
        }
        text
    }

    /// The calls that wait for their replies.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let entries = lock(&self.entries);
        let calls = entries.iter().filter_map(|entry| match &entry.record {
            Record::Call(call) if call.is_unanswered() => Some(call.to_string()),
            _ => None,
        });
        calls.collect()
    }

    /// Something happened that the test did not provide for, so it fails.
    pub(super) fn add_mistake(&self, mistake: String) {
        lock(&self.mistakes).push(mistake);
    }

    pub(super) fn take_mistakes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.mistakes))
    }

    /// Remembers that a dead letter was expected. Returns `false` if it was before.
    pub(super) fn expect_letter(&self, letter: String) -> bool {
        lock(&self.letters).insert(letter)
    }

    pub(super) fn is_expected_letter(&self, letter: &str) -> bool {
        lock(&self.letters).contains(letter)
    }
}
