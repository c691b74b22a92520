//! Dead letters: what a subscription or a task could not handle.

use async_trait::async_trait;

use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::destination::Destination;

/// Inspects and settles the dead letters of subscriptions and tasks.
#[async_trait]
pub(crate) trait DeadLetterTransport {
    /// Counts the dead letters of a destination.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSubscription`] or [`Error::UnknownTask`] when there is no such destination; otherwise when the broker does not say.
    async fn dead_letter_count(&self, destination: &Destination) -> Result<u64, Error>;

    /// Returns the oldest dead letters of a destination, at most `limit`. They stay where they are.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    async fn dead_letters(&self, destination: &Destination, limit: usize) -> Result<Vec<DeadLetter>, Error>;

    /// Replays or discards the selected dead letters and returns how many. A replayed one is removed once its destination
    /// has it safe.
    ///
    /// # Errors
    ///
    /// When the broker refuses. Some may have been settled by then.
    async fn settle_dead_letters(
        &self,
        destination: &Destination,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error>;
}
