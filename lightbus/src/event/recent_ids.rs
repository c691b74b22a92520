//! Remembers the latest ids in memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use super::dedupe::DedupeStore;
use super::handler::HandlerError;
use crate::protocol::name::SubscriptionName;
use crate::runtime::sync::lock;

/// Remembers the ids of the latest events in memory, a fixed number for each subscription. Ten thousand ids take about a
/// megabyte.
///
/// The ids belong to one process and are lost when it ends. `RecentIds` recognises an event that was published twice, or that was
/// delivered again because the connection was lost before its acknowledgement arrived. It does not know what other processes
/// handled, or this one before a restart. Implement [`DedupeStore`] for that.
///
/// Choose the capacity so that it covers the events between an event and its repeat: rarely more than the events of some
/// minutes.
pub struct RecentIds {
    capacity: usize,
    subscriptions: Mutex<HashMap<SubscriptionName, Latest>>,
}

/// The latest ids of one subscription.
#[derive(Default)]
struct Latest {
    ids: HashSet<Arc<str>>,
    /// The oldest first.
    order: VecDeque<Arc<str>>,
}

impl RecentIds {
    /// Remembers up to `events` ids for each subscription; at least 1.
    #[must_use]
    pub fn new(events: usize) -> Self {
        Self { capacity: events.max(1), subscriptions: Mutex::default() }
    }
}

impl DedupeStore for RecentIds {
    async fn is_handled(&self, subscription: &SubscriptionName, message_id: &str) -> Result<bool, HandlerError> {
        Ok(lock(&self.subscriptions).get(subscription).is_some_and(|latest| latest.ids.contains(message_id)))
    }

    async fn remember(&self, subscription: &SubscriptionName, message_id: &str) -> Result<(), HandlerError> {
        lock(&self.subscriptions).entry(subscription.clone()).or_default().insert(message_id, self.capacity);
        Ok(())
    }
}

impl fmt::Debug for RecentIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentIds").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl Latest {
    fn insert(&mut self, id: &str, capacity: usize) {
        let id: Arc<str> = id.into();
        if !self.ids.insert(Arc::clone(&id)) {
            return;
        }
        self.order.push_back(id);
        while self.order.len() > capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(ids: &[&str], capacity: usize) -> Latest {
        let mut latest = Latest::default();
        for id in ids {
            latest.insert(id, capacity);
        }
        assert_eq!(latest.ids.len(), latest.order.len());
        latest
    }

    fn known(latest: &Latest) -> Vec<&str> {
        ["a", "b", "c", "d"].into_iter().filter(|id| latest.ids.contains(*id)).collect()
    }

    #[test]
    fn what_was_handled_is_remembered() {
        assert_eq!(known(&latest(&["a", "c"], 4)), ["a", "c"]);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        assert_eq!(known(&latest(&["a", "b", "c", "d"], 2)), ["c", "d"]);
        assert_eq!(known(&latest(&["a", "b", "a", "c"], 2)), ["b", "c"]);
    }

    #[test]
    fn an_id_takes_one_place_however_often_it_comes() {
        assert_eq!(known(&latest(&["a", "b", "b", "b"], 2)), ["a", "b"]);
    }

    #[tokio::test]
    async fn each_subscription_has_events_of_its_own() {
        let (store, here, there) = (RecentIds::new(0), SubscriptionName::new("here"), SubscriptionName::new("there"));
        let (here, there) = (here.unwrap(), there.unwrap());
        store.remember(&here, "a").await.unwrap();
        assert!(store.is_handled(&here, "a").await.unwrap() && !store.is_handled(&there, "a").await.unwrap());
        store.remember(&there, "b").await.unwrap();
        assert!(store.is_handled(&here, "a").await.unwrap());
    }
}
