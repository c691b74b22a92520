//! What this process has done: its statistics and its last messages.

use std::collections::BTreeSet;

use super::Bus;
use crate::error::Error;
use crate::recorder::{RecentFilter, Record, Trace};
use crate::stats::Stats;

/// How many rounds of questions, and how many messages, a trace may take.
const MOST_ROUNDS: usize = 32;
const MOST_MESSAGES: usize = 1000;

impl Bus {
    /// Collects the story of a message from the records of all processes: what caused it, what it caused, with attempts,
    /// retries and dead letters. `{trace}` draws it as a tree.
    ///
    /// It asks once for each level of the story, and finds what processes that answer still have records of.
    ///
    /// # Errors
    ///
    /// Those of [`Introspection::ping`](crate::introspection::Introspection::ping), whose permission it takes.
    pub async fn trace(&self, id: &str) -> Result<Trace, Error> {
        let (mut asked, mut records) = (BTreeSet::new(), Vec::<(String, Record)>::new());
        let mut wanted = BTreeSet::from([id.to_owned()]);
        for _ in 0..MOST_ROUNDS {
            if wanted.is_empty() || asked.len() >= MOST_MESSAGES {
                break;
            }
            let filter = RecentFilter::new().ids(wanted.iter().cloned());
            asked.append(&mut wanted);
            for answer in self.introspection().recent(&filter).await?.answers {
                for record in answer.value {
                    let ids = record.cause.iter().map(|cause| &cause.id).chain([&record.id]);
                    wanted.extend(ids.filter(|id| !asked.contains(*id)).take(MOST_MESSAGES).cloned());
                    if !records.iter().any(|(process, known)| *process == answer.process && *known == record) {
                        records.push((answer.process.clone(), record));
                    }
                }
            }
        }
        Ok(Trace::assemble(id, records))
    }

    /// Returns the statistics of this process: how many calls and events, how they ended, how long they waited and took. It
    /// asks nobody, and costs little.
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # #[lightbus::api(name = "company.warranty")]
    /// # pub trait Warranty { async fn registered(&self) -> u64; }
    /// # struct Desk;
    /// # impl Warranty for Desk { async fn registered(&self) -> u64 { 42 } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// bus.serve(WarrantyServer::new(Desk)).await?;
    /// let _registered = WarrantyClient::new(&bus).registered().await?;
    ///
    /// let stats = bus.stats();
    /// let served = &stats.served["company.warranty.registered"];
    /// assert_eq!((served.count(), served.failures()), (1, 0));
    /// println!("99 % took at most {:?}", served.lasted.quantile(0.99));
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.meters.stats()
    }

    /// Returns the last messages that this process sent and handled, the oldest first. It asks nobody.
    ///
    /// A process keeps [`recorder_size`](crate::BusBuilder::recorder_size) records, without bodies.
    ///
    /// ```
    /// use lightbus::recorder::RecentFilter;
    ///
    /// # use lightbus::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// for failed in bus.recent(&RecentFilter::new().failures()) {
    ///     println!("{} {}: {}", failed.id, failed.name, failed.outcome);
    /// }
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn recent(&self, filter: &RecentFilter) -> Vec<Record> {
        self.inner.meters.recorder().recent(filter)
    }
}
