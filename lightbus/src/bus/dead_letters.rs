//! Lists, replays and discards the dead letters of a subscription.

use std::fmt;

use super::Bus;
use super::similar::similar;
use crate::error::Error;
use crate::event::DeadLetter;
use crate::protocol::dead_letter::{DeadLetterAction, Selection};
use crate::protocol::destination::Destination;
use crate::protocol::name::{NameError, ServiceName, SubscriptionName};

/// The dead letters of one subscription. Returned by [`Bus::dead_letters`] and [`Bus::dead_letters_of`].
///
/// On RabbitMQ, dead letters are taken off their queue one by one, and those that stay are put back. So reading takes longer
/// the more are read, and another process may see fewer meanwhile.
///
/// ```
/// # use lightbus::prelude::*;
/// # async fn example(bus: Bus) -> lightbus::Result<()> {
/// let dead_letters = bus.dead_letters("start-cover");
/// for letter in dead_letters.list(20).await? {
///     println!("{} {}.{}: {}", letter.id, letter.api, letter.event, letter.error);
/// }
/// // Once the cause is fixed:
/// dead_letters.replay_all().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DeadLetters {
    bus: Bus,
    destination: Result<Destination, NameError>,
}

impl DeadLetters {
    pub(super) fn new(bus: Bus, subscription: &str) -> Self {
        let service = bus.inner.service.clone();
        let destination = SubscriptionName::new(subscription).map(|name| Destination::Subscription { service, name });
        Self { bus, destination }
    }

    pub(super) fn of_service(bus: Bus, service: &str, subscription: &str) -> Self {
        let destination = ServiceName::new(service).and_then(|service| {
            SubscriptionName::new(subscription).map(|name| Destination::Subscription { service, name })
        });
        Self { bus, destination }
    }

    pub(super) fn of_task(bus: Bus, api: &str, task: &str) -> Self {
        Self { bus, destination: Destination::task(api, task) }
    }

    /// Counts them.
    ///
    /// # Errors
    ///
    /// Fails if a name is not valid, the service has no such subscription, the bus is shut down, or the broker does not answer.
    pub async fn count(&self) -> Result<u64, Error> {
        self.bus.on_runtime(self.count_here()).await
    }

    /// Returns the oldest dead letters, at most `limit`, the oldest first. They stay where they are.
    ///
    /// No more are read than that takes: `limit`, and those that were read before.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.bus
            .on_runtime(async {
                let destination = self.destination()?;
                let mut letters = self.bus.inner.transport.dead_letters(destination, limit).await?;
                if letters.is_empty() {
                    self.check_exists().await?;
                }
                for letter in &mut letters {
                    letter.subscription = destination.to_string();
                }
                Ok(letters)
            })
            .await
    }

    /// Returns a page of [`list`](Self::list): at most `limit`, after the first `skip`. What is replayed, discarded or added
    /// meanwhile moves the others.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub async fn page(&self, skip: usize, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let letters = self.list(skip.saturating_add(limit)).await?;
        Ok(letters.into_iter().skip(skip).collect())
    }

    /// Delivers one again, to this subscription only: under the same id, and with all of its attempts before it. It is removed
    /// once the broker has persisted the copy; if that fails, it may be both. Returns `false` if there is none with that id.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count), and a subscription whose queue was deleted on the broker.
    pub async fn replay(&self, id: &str) -> Result<bool, Error> {
        Ok(self.settle(Selection::Id(id.to_owned()), DeadLetterAction::Replay).await? > 0)
    }

    /// Delivers all of them again that are there now, each as by [`replay`](Self::replay). Returns how many.
    ///
    /// # Errors
    ///
    /// Those of [`replay`](Self::replay). Some may have been replayed by then.
    pub async fn replay_all(&self) -> Result<u64, Error> {
        self.settle(Selection::All, DeadLetterAction::Replay).await
    }

    /// Drops one for good. Returns `false` if there is none with that id.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub async fn discard(&self, id: &str) -> Result<bool, Error> {
        Ok(self.settle(Selection::Id(id.to_owned()), DeadLetterAction::Discard).await? > 0)
    }

    /// Drops all of them for good that are there now. Returns how many.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count). Some may have been dropped by then.
    pub async fn discard_all(&self) -> Result<u64, Error> {
        self.settle(Selection::All, DeadLetterAction::Discard).await
    }

    async fn settle(&self, selection: Selection, action: DeadLetterAction) -> Result<u64, Error> {
        self.bus
            .on_runtime(async {
                let (destination, transport) = (self.destination()?, &self.bus.inner.transport);
                let settled = transport.settle_dead_letters(destination, selection, action).await?;
                if settled == 0 {
                    self.check_exists().await?;
                }
                Ok(settled)
            })
            .await
    }

    async fn count_here(&self) -> Result<u64, Error> {
        let counted = self.bus.inner.transport.dead_letter_count(self.destination()?).await;
        counted.map_err(|error| self.with_similar_names(error))
    }

    /// Fails if there is no such subscription. A broker that does not say is taken at its word that nothing was found.
    async fn check_exists(&self) -> Result<(), Error> {
        match self.count_here().await {
            Err(error @ (Error::UnknownSubscription { .. } | Error::UnknownTask { .. })) => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds what this process knows: the broker cannot list its queues.
    fn with_similar_names(&self, error: Error) -> Error {
        let Error::UnknownSubscription { service, name, similar: mut known } = error else { return error };
        if service == self.bus.inner.service.as_str() {
            known.extend(self.bus.subscriptions());
        }
        let similar = similar(&name, known);
        Error::UnknownSubscription { service, name, similar }
    }

    fn destination(&self) -> Result<&Destination, Error> {
        if self.bus.inner.closed.is_set() {
            return Err(Error::Closed);
        }
        self.destination.as_ref().map_err(|error| Error::Name(error.clone()))
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("destination", &self.destination).finish_non_exhaustive()
    }
}
