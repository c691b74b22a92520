//! Tells the application that an event has become a dead letter.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::protocol::dead_letter::DeadLetter;
use crate::runtime::guard::Guarded;

type Hook = dyn Fn(DeadLetter) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// The function that the application gave for dead letters.
#[derive(Clone)]
pub(crate) struct DeadLetterHook {
    hook: Arc<Hook>,
}

impl DeadLetterHook {
    pub(crate) fn new<F, R>(hook: F) -> Self
    where
        F: Fn(DeadLetter) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self { hook: Arc::new(move |letter| Box::pin(hook(letter))) }
    }

    /// Calls the hook. A panic of it ends here.
    pub(crate) async fn call(&self, letter: DeadLetter) {
        let (subscription, id) = (letter.subscription.clone(), letter.id.clone());
        if let Err(message) = Guarded::new(async { (self.hook)(letter).await }).await {
            tracing::error!(subscription, id, "`on_dead_letter` panicked: {message}");
        }
    }
}

impl fmt::Debug for DeadLetterHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterHook").finish_non_exhaustive()
    }
}
