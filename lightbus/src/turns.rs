//! Limits how much runs at a time, and keeps the order in which work came.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::unconstrained;

/// Limits how much runs at a time. Who comes first has the first turn.
#[derive(Debug)]
pub(crate) struct Turns {
    permits: Arc<Semaphore>,
}

/// A place in the line for a turn. Dropping it gives the place up.
pub(crate) enum Turn {
    Now(OwnedSemaphorePermit),
    Later(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
}

impl Turns {
    pub(crate) fn new(at_a_time: u16) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_a_time.into())) }
    }

    /// Takes the next place in the line, at once.
    pub(crate) fn take(&self) -> Turn {
        // There is a permit to take only while nobody waits.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Turn::Now(permit);
        }
        // The first poll takes the place, so it must not be put off by tokio's cooperative budget.
        let mut turn = Box::pin(unconstrained(Arc::clone(&self.permits).acquire_owned()));
        match (&mut turn).now_or_never() {
            Some(Ok(permit)) => Turn::Now(permit),
            Some(Err(_)) | None => Turn::Later(turn),
        }
    }
}

impl Turn {
    /// Waits for the turn. It ends when the result is dropped.
    pub(crate) async fn begin(self) -> Option<OwnedSemaphorePermit> {
        match self {
            Self::Now(permit) => Some(permit),
            Self::Later(turn) => turn.await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_the_order_in_which_they_were_taken() {
        let turns = Turns::new(1);
        let first = turns.take().begin().now_or_never().flatten();
        let (mut second, mut third) = (Box::pin(turns.take().begin()), Box::pin(turns.take().begin()));
        assert!(first.is_some());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let turn = (&mut second).now_or_never().flatten();
        assert!(turn.is_some());
        drop(turn);
        assert!((&mut third).now_or_never().flatten().is_some());
    }

    #[test]
    fn a_place_that_is_given_up_holds_nobody_up() {
        let turns = Turns::new(1);
        let first = turns.take();
        let second = turns.take();
        let mut third = Box::pin(turns.take().begin());
        drop(second);
        drop(first);
        assert!((&mut third).now_or_never().flatten().is_some());
    }
}
