//! What the bus holds of an API that it serves, or of a subscription.

use std::fmt;

use async_trait::async_trait;

/// An API that this process serves, or a subscription of it, as the transport consumes it.
///
/// Dropping it changes nothing: the transport goes on consuming.
#[async_trait]
pub(crate) trait Consumer: fmt::Debug + Send + Sync + 'static {
    /// Whether the broker sends this process what there is.
    fn is_consuming(&self) -> bool;

    /// Why the broker does not send it, if that is known.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Stops taking messages. Once it returns, the sink is handed no further one. Bounded in time.
    async fn stop(&self);
}
