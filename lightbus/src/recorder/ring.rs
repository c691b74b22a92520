//! The last messages, in a ring of fixed size.

use std::fmt;
use std::sync::Mutex;

use super::{Entry, RecentFilter, Record};
use crate::runtime::sync::lock;

/// Keeps the last entries, up to its size. Memory is taken as entries come.
pub(crate) struct Recorder {
    size: usize,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    entries: Vec<Entry>,
    /// Where the next entry goes once the ring is full: the place of the oldest.
    oldest: usize,
}

impl Recorder {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, ring: Mutex::default() }
    }

    /// Whether it keeps nothing.
    pub(crate) fn is_off(&self) -> bool {
        self.size == 0
    }

    pub(crate) fn push(&self, entry: Entry) {
        if self.is_off() {
            return;
        }
        let mut ring = lock(&self.ring);
        if ring.entries.len() < self.size {
            ring.entries.push(entry);
            return;
        }
        let place = ring.oldest;
        ring.oldest = (place + 1) % self.size;
        let replaced = std::mem::replace(&mut ring.entries[place], entry);
        drop(ring);
        drop(replaced);
    }

    /// The latest entries that the filter takes, the oldest of them first.
    pub(crate) fn recent(&self, filter: &RecentFilter) -> Vec<Record> {
        let ring = lock(&self.ring);
        let (newer, older) = ring.entries.split_at(ring.oldest);
        let latest_first = newer.iter().rev().chain(older.iter().rev());
        let taken = latest_first.filter(|entry| filter.takes(entry)).take(filter.most());
        let mut taken: Vec<Entry> = taken.cloned().collect();
        drop(ring);
        taken.reverse();
        taken.iter().map(Entry::to_record).collect()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smol_str::{SmolStr, format_smolstr};
    use tokio::time::Instant;

    use super::super::RecordKind;
    use super::*;
    use crate::context::Context;
    use crate::stats::Outcome;

    fn entry(number: usize) -> Entry {
        let cause = (number > 0).then(|| Context::builder().message_id(format!("m{}", number - 1)).build());
        let cause = cause.as_ref().map(Into::into);
        Entry {
            kind: RecordKind::CallSent,
            id: format_smolstr!("m{number}"),
            api: SmolStr::new_static("company.warranty"),
            member: SmolStr::new_static("check"),
            subscription: SmolStr::default(),
            sender: SmolStr::default(),
            cause,
            started: Instant::now(),
            waited: Duration::ZERO,
            lasted: Duration::from_millis(1),
            attempt: 1,
            outcome: if number.is_multiple_of(3) { Outcome::NoServer } else { Outcome::Ok },
            error: None,
            next: None,
        }
    }

    fn recorder(size: usize, entries: usize) -> Recorder {
        let recorder = Recorder::new(size);
        (0..entries).map(entry).for_each(|entry| recorder.push(entry));
        recorder
    }

    fn ids(recorder: &Recorder, filter: &RecentFilter) -> Vec<String> {
        recorder.recent(filter).into_iter().map(|record| record.id).collect()
    }

    #[test]
    fn the_last_entries_are_kept_in_order() {
        let all = RecentFilter::new();
        assert_eq!(ids(&recorder(4, 3), &all), ["m0", "m1", "m2"]);
        assert_eq!(ids(&recorder(4, 4), &all), ["m0", "m1", "m2", "m3"]);
        assert_eq!(ids(&recorder(4, 10), &all), ["m6", "m7", "m8", "m9"]);
        assert!(ids(&recorder(0, 10), &all).is_empty());
        assert_eq!(ids(&recorder(4, 10), &all.limit(2)), ["m8", "m9"]);
        assert_eq!(recorder(4096, 5000).recent(&RecentFilter::new()).len(), 100);
    }

    #[test]
    fn filters_take_failures_and_what_a_message_caused() {
        let recorder = recorder(8, 8);
        assert_eq!(ids(&recorder, &RecentFilter::new().failures()), ["m0", "m3", "m6"]);
        assert_eq!(ids(&recorder, &RecentFilter::new().ids(["m3"])), ["m3", "m4"]);
        assert!(
            ids(&recorder, &RecentFilter::new().since(std::time::SystemTime::now() + Duration::from_secs(9)))
                .is_empty()
        );
    }
}
