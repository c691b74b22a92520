//! Dead letters: events that a subscription could not handle.

use async_trait::async_trait;

use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::name::{ServiceName, SubscriptionName};

/// Inspects and settles the dead letters of subscriptions.
#[async_trait]
pub(crate) trait DeadLetterTransport {
    /// Counts the dead letters of a subscription.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSubscription`] when there is no such subscription; otherwise when the broker does not say.
    async fn dead_letter_count(&self, service: &ServiceName, name: &SubscriptionName) -> Result<u64, Error>;

    /// Returns the oldest dead letters of a subscription, at most `limit`. They stay where they are.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    async fn dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;

    /// Replays or discards the selected dead letters and returns how many. A replayed one is removed once the subscription
    /// has it safe.
    ///
    /// # Errors
    ///
    /// When the broker refuses. Some may have been settled by then.
    async fn settle_dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error>;
}
