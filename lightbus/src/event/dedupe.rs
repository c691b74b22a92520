//! Recognises events that a subscription has already handled.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::handler::HandlerError;
use super::in_progress::{InProgress, InProgressGuard};
use crate::duration::shown;
use crate::protocol::name::SubscriptionName;
use crate::runtime::guard::Guarded;

/// Remembers which events were handled, so that [repeats](crate::Subscribe::dedupe) are dropped.
///
/// [`RecentIds`](crate::RecentIds) keeps ids in memory. Implement this trait to remember them beyond the process, for example in a
/// table of the application's database. Within a process, the methods are called for one delivery of an event at a time.
///
/// Several subscriptions may share one store in an `Arc`. Each of them receives its own copy of an event under the same id, so a
/// store remembers the subscription *and* the id.
///
/// A process may die after it has handled an event and before it has remembered the id. Two processes may receive the same event
/// at the same time. To rule out repeats even then, let the handler insert
/// [`Context::message_id`](crate::Context::message_id) as a unique key in the same transaction as its changes. Then
/// [`is_handled`](Self::is_handled) looks there, and [`remember`](Self::remember) does nothing.
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::Mutex;
///
/// use lightbus::DedupeStore;
/// use lightbus::name::SubscriptionName;
/// use lightbus::prelude::*;
/// # #[lightbus::api(name = "company.sales")]
/// # trait Sales { #[event] fn product_sold(serial: String); }
///
/// /// Stands for a table of the application's database.
/// #[derive(Default)]
/// struct Handled {
///     rows: Mutex<HashSet<(String, String)>>,
/// }
///
/// impl DedupeStore for Handled {
///     async fn is_handled(&self, subscription: &SubscriptionName, message_id: &str) -> Result<bool, HandlerError> {
///         let row = (subscription.to_string(), message_id.to_owned());
///         let rows = self.rows.lock().map_err(|_| HandlerError::new("the table is broken"))?;
///         Ok(rows.contains(&row))
///     }
///
///     async fn remember(&self, subscription: &SubscriptionName, message_id: &str) -> Result<(), HandlerError> {
///         let row = (subscription.to_string(), message_id.to_owned());
///         let mut rows = self.rows.lock().map_err(|_| HandlerError::new("the table is broken"))?;
///         rows.insert(row);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lightbus::Result<()> {
/// # let bus = Bus::service("warranty").url("memory://").connect().await?;
/// # bus.own_api::<SalesApi>();
/// # let (sender, mut sold) = tokio::sync::mpsc::unbounded_channel();
/// # let start_cover = move |event: ProductSold| { let _ = sender.send(event.serial); async {} };
/// bus.subscribe("start-cover", start_cover).dedupe(Handled::default()).await?;
/// # bus.publish(ProductSold { serial: "SN-0042".to_owned() }).await?;
/// # assert_eq!(sold.recv().await.as_deref(), Some("SN-0042"));
/// # bus.shutdown().await;
/// # Ok(()) }
/// ```
pub trait DedupeStore: Send + Sync + 'static {
    /// Returns whether the subscription has handled the event with that id.
    ///
    /// # Errors
    ///
    /// When the store cannot tell. The handler does not run: the attempt has failed, and the event is retried.
    fn is_handled(
        &self,
        subscription: &SubscriptionName,
        message_id: &str,
    ) -> impl Future<Output = Result<bool, HandlerError>> + Send;

    /// Remembers that the subscription has handled the event with that id. Called once the handler has returned `Ok`.
    ///
    /// # Errors
    ///
    /// When the id cannot be stored. The event still counts as handled, because a retry would certainly run the handler twice.
    /// The log has an error, and a later repeat of the event is handled again.
    fn remember(
        &self,
        subscription: &SubscriptionName,
        message_id: &str,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<S: DedupeStore> DedupeStore for Arc<S> {
    async fn is_handled(&self, subscription: &SubscriptionName, message_id: &str) -> Result<bool, HandlerError> {
        S::is_handled(self, subscription, message_id).await
    }

    async fn remember(&self, subscription: &SubscriptionName, message_id: &str) -> Result<(), HandlerError> {
        S::remember(self, subscription, message_id).await
    }
}

/// A store of any type.
#[async_trait]
pub(crate) trait DynDedupeStore: Send + Sync {
    async fn look_up(&self, subscription: &SubscriptionName, id: &str) -> Result<bool, HandlerError>;

    async fn enter(&self, subscription: &SubscriptionName, id: &str) -> Result<(), HandlerError>;
}

#[async_trait]
impl<S: DedupeStore> DynDedupeStore for S {
    async fn look_up(&self, subscription: &SubscriptionName, id: &str) -> Result<bool, HandlerError> {
        self.is_handled(subscription, id).await
    }

    async fn enter(&self, subscription: &SubscriptionName, id: &str) -> Result<(), HandlerError> {
        self.remember(subscription, id).await
    }
}

/// Counts the repeats that a subscription dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct RepeatCounter {
    count: Arc<AtomicU64>,
}

impl RepeatCounter {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Recognises repeats for one subscription in one process.
pub(crate) struct Dedupe {
    store: Box<dyn DynDedupeStore>,
    subscription: SubscriptionName,
    /// How long the store may take to answer.
    handler_timeout: Duration,
    claims: InProgress,
    repeats: RepeatCounter,
}

impl Dedupe {
    pub(crate) fn new(
        store: Box<dyn DynDedupeStore>,
        subscription: SubscriptionName,
        handler_timeout: Duration,
        repeats: RepeatCounter,
    ) -> Self {
        Self { store, subscription, handler_timeout, claims: InProgress::default(), repeats }
    }

    /// Waits until no other delivery of the event is being handled in this process.
    pub(crate) async fn claim<'a>(&'a self, id: &'a str) -> InProgressGuard<'a> {
        self.claims.claim(id).await
    }

    /// Whether the event was handled before, and so is a repeat, which is counted.
    pub(crate) async fn is_repeat(&self, id: &str) -> Result<bool, HandlerError> {
        let handled = self.bounded(self.store.look_up(&self.subscription, id)).await?;
        if handled {
            self.repeats.add();
        }
        Ok(handled)
    }

    pub(crate) async fn remember(&self, id: &str) -> Result<(), HandlerError> {
        self.bounded(self.store.enter(&self.subscription, id)).await
    }

    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, HandlerError>>) -> Result<T, HandlerError> {
        match timeout(self.handler_timeout, Guarded::new(answer)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(message)) => Err(HandlerError::new(format!("it panicked: {message}"))),
            Err(_) => Err(HandlerError::new(format!("it had not answered after {}", shown(self.handler_timeout)))),
        }
    }
}

impl fmt::Debug for Dedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedupe").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}
