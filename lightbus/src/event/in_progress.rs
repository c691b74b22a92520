//! Keeps two deliveries of one event from being handled at the same time in one process.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::watch;

use crate::runtime::sync::lock;

/// The ids of the events that are being handled.
#[derive(Debug, Default)]
pub(crate) struct InProgress {
    /// Dropping the sender wakes the deliveries that wait for the id.
    held: Mutex<HashMap<String, watch::Sender<()>>>,
}

/// The right to handle the event with that id, until it is dropped.
#[derive(Debug)]
pub(crate) struct InProgressGuard<'a> {
    claims: &'a InProgress,
    id: &'a str,
}

impl InProgress {
    /// Waits until no other delivery of that id is handled.
    pub(crate) async fn claim<'a>(&'a self, id: &'a str) -> InProgressGuard<'a> {
        loop {
            match self.try_claim(id) {
                Ok(claim) => return claim,
                // The value never changes. The channel closes when the guard is dropped.
                Err(mut held) => while held.changed().await.is_ok() {},
            }
        }
    }

    fn try_claim<'a>(&'a self, id: &'a str) -> Result<InProgressGuard<'a>, watch::Receiver<()>> {
        let mut held = lock(&self.held);
        if let Some(holder) = held.get(id) {
            return Err(holder.subscribe());
        }
        held.insert(id.to_owned(), watch::Sender::default());
        Ok(InProgressGuard { claims: self, id })
    }
}

impl Drop for InProgressGuard<'_> {
    fn drop(&mut self) {
        lock(&self.claims.held).remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn an_id_is_claimed_by_one_at_a_time() {
        let claims = InProgress::default();
        let first = claims.claim("a").now_or_never();
        let (mut second, mut third) = (Box::pin(claims.claim("a")), Box::pin(claims.claim("a")));
        assert!(first.is_some() && (&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        let claim = (&mut third).now_or_never();
        assert!(claim.is_some() && (&mut second).now_or_never().is_none());
        drop(claim);
        assert!((&mut second).now_or_never().is_some());
    }

    #[test]
    fn other_ids_do_not_wait() {
        let claims = InProgress::default();
        let held = [claims.claim("a").now_or_never(), claims.claim("b").now_or_never()];
        assert!(held.iter().all(Option::is_some));
    }

    #[test]
    fn a_cancelled_wait_blocks_nobody() {
        let claims = InProgress::default();
        let first = claims.claim("a").now_or_never();
        assert!(claims.claim("a").now_or_never().is_none());
        drop(first);
        assert!(claims.claim("a").now_or_never().is_some());
    }

    #[test]
    fn finished_claims_leave_nothing_behind() {
        let claims = InProgress::default();
        drop(claims.claim("a").now_or_never());
        assert!(lock(&claims.held).is_empty());
    }
}
