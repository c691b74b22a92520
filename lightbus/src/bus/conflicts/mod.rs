//! Warns of other processes that do not go together with this one.
//!
//! A process looks around shortly after it has started to serve, to subscribe or to call, if its user may ask questions. It
//! looks again when it does more. So of two processes that do not go together, the one that started later warns.

mod compare;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use self::compare::{Pair, concerned, pairs, served_twice, subscribed_otherwise};
use super::Bus;
use crate::builtin::{Info, Ping};
use crate::error::Error;
use crate::introspection::Introspection;
use crate::schema::ApiSchema;

/// How long a process must have been unchanged before it looks around.
const SETTLE: Duration = Duration::from_millis(500);

/// How long to wait before asking again if not everybody has answered.
const PAUSE: Duration = Duration::from_secs(5);

/// How often it asks altogether.
const ATTEMPTS: u32 = 3;

/// Tells that a process serves, subscribes or calls more than before.
#[derive(Debug, Default)]
pub(super) struct Changes(Arc<Notify>);

impl Changes {
    pub(super) fn notify(&self) {
        self.0.notify_one();
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // The task that waits for a change finds that the bus is gone.
        self.0.notify_one();
    }
}

impl Bus {
    /// Looks around whenever this process does more than before.
    pub(super) fn watch_for_conflicts(&self) {
        let (inner, changed) = (Arc::downgrade(&self.inner), Arc::clone(&self.inner.facts.changes.0));
        let closed = self.inner.closed.clone();
        let watching = async move {
            let mut warned = HashSet::new();
            loop {
                changed.notified().await;
                while timeout(SETTLE, changed.notified()).await.is_ok() && inner.strong_count() > 0 {}
                for _ in 0..ATTEMPTS {
                    let Some(inner) = inner.upgrade() else { return };
                    let looked = Bus { inner }.look_around(&mut warned).await;
                    match looked {
                        Ok(true) => break,
                        // Services need no permission to ask.
                        Err(Error::AccessRefused { .. }) => return,
                        Ok(false) | Err(_) => sleep(PAUSE).await,
                    }
                }
            }
        };
        self.inner.runtime.spawn(async move { closed.until_set(watching).await });
    }

    /// Warns of each conflict that it has not warned of before. Returns whether everybody has answered.
    async fn look_around(&self, warned: &mut HashSet<String>) -> Result<bool, Error> {
        let introspection = self.introspection();
        let pings = introspection.ping().await?;
        let mut complete = pings.missing().count() == 0;
        let own = self.describe();
        let claimed = pings.answers.into_iter().map(|answer| Ping { process: answer.process, ..answer.value });
        let others: Vec<Ping> = claimed.filter(|other| other.process != own.process).collect();
        let mut conflicts = served_twice(&own, &others);
        let subscribed = self.subscribed_apis();
        for other in concerned(&own, &subscribed, &others) {
            let found = introspection.clone().process(&other.process).info().await?;
            match found.of(&other.process) {
                Some(info) => conflicts.extend(self.conflicts_with(&introspection, &other.process, info).await?),
                None => complete = false,
            }
        }
        for conflict in conflicts {
            if warned.insert(conflict.clone()) {
                tracing::warn!(process = %own.process, "{conflict}");
            }
        }
        Ok(complete)
    }

    async fn conflicts_with(
        &self,
        introspection: &Introspection,
        process: &str,
        info: &Info,
    ) -> Result<Vec<String>, Error> {
        let own = self.describe_fully();
        let mut conflicts = subscribed_otherwise(&own, process, info);
        for pair in pairs(&own, info) {
            let Pair { own: ours, other: theirs, .. } = &pair;
            let Some(ours) = self.own_schema(ours) else { continue };
            if let Some(theirs) = introspection.clone().process(process).schema(theirs).await? {
                conflicts.extend(pair.conflict(process, &ours, &theirs));
            }
        }
        Ok(conflicts)
    }

    fn own_schema(&self, hash: &str) -> Option<ApiSchema> {
        ApiSchema::from_json(&self.inner.facts.schema(hash, self.apis())?).ok()
    }
}
