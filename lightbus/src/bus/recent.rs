//! What this process has done: its statistics and its last messages.

use super::Bus;
use crate::recorder::{RecentFilter, Record};
use crate::stats::Stats;

impl Bus {
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
