//! Looks at the dead letters of a subscription, and decides what becomes of them.

use std::fmt;

use super::Bus;
use crate::error::Error;
use crate::event::DeadLetter;
use crate::protocol::dead_letter::{DeadLetterAction, Selection};
use crate::protocol::name::{NameError, SubscriptionName};

/// The dead letters of one subscription of this service. Made by [`Bus::dead_letters`].
///
/// On RabbitMQ they are taken off their queue one by one to be looked at, and those that stay are put back. So it takes the
/// longer the more there are, another process may see fewer meanwhile, and their order in the queue changes.
///
/// ```
/// # use lightbus::prelude::*;
/// # async fn example(bus: Bus) -> lightbus::Result<()> {
/// let dead_letters = bus.dead_letters("start-cover");
/// for letter in dead_letters.list(20).await? {
///     println!("{} {}.{}: {}", letter.id, letter.api, letter.event, letter.error);
/// }
/// // The cause is mended.
/// dead_letters.replay_all().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DeadLetters {
    bus: Bus,
    name: Result<SubscriptionName, NameError>,
}

impl DeadLetters {
    pub(super) fn new(bus: Bus, subscription: &str) -> Self {
        Self { bus, name: SubscriptionName::new(subscription) }
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// When the name is not valid, the bus is shut down, or the broker does not say.
    pub async fn count(&self) -> Result<u64, Error> {
        let name = self.name()?;
        self.bus.inner.transport.dead_letter_count(&self.bus.inner.service, name).await
    }

    /// Those that failed the longest ago, at most `limit` of them, in that order. They stay where they are.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let name = self.name()?;
        self.bus.inner.transport.dead_letters(&self.bus.inner.service, name, limit).await
    }

    /// The page after the first `skip` of [`list`](Self::list): at most `limit` of the ones that follow them. What is replayed,
    /// discarded or added meanwhile moves the others.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub async fn page(&self, skip: usize, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let letters = self.list(skip.saturating_add(limit)).await?;
        Ok(letters.into_iter().skip(skip).collect())
    }

    /// Has one delivered again, to this subscription only: under the same id, and with all of its attempts before it. It is
    /// removed once the broker has the copy safe; if that fails, it may be both. `false` when there is none with that id.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count), and a subscription whose queue is not on the broker any more.
    pub async fn replay(&self, id: &str) -> Result<bool, Error> {
        Ok(self.settle(Selection::Id(id.to_owned()), DeadLetterAction::Replay).await? > 0)
    }

    /// Has all of them delivered again that are there now, each as by [`replay`](Self::replay). Returns how many.
    ///
    /// # Errors
    ///
    /// Those of [`replay`](Self::replay). Some may have been replayed by then.
    pub async fn replay_all(&self) -> Result<u64, Error> {
        self.settle(Selection::All, DeadLetterAction::Replay).await
    }

    /// Drops one for good. `false` when there is none with that id.
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
        let name = self.name()?;
        self.bus.inner.transport.settle_dead_letters(&self.bus.inner.service, name, selection, action).await
    }

    fn name(&self) -> Result<&SubscriptionName, Error> {
        if self.bus.inner.tasks.is_draining() {
            return Err(Error::Closed);
        }
        self.name.as_ref().map_err(|error| Error::Name(error.clone()))
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("subscription", &self.name).finish_non_exhaustive()
    }
}
