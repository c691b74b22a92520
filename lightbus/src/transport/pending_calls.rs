//! The calls that wait for their outcomes.

use std::fmt;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::calls::CallOutcome;
use crate::runtime::sync::lock;

/// The calls that wait for their outcomes on one connection.
///
/// A call is registered before its request leaves, and removed once its caller has the outcome or has gone.
#[derive(Default)]
pub(crate) struct PendingCalls {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    pending: FxHashMap<SmolStr, PendingCall>,
    /// The connection is lost: no further call can be answered on it.
    closed: bool,
}

#[derive(Default)]
struct PendingCall {
    outcome: Option<CallOutcome>,
    /// Wakes the caller, once it waits.
    waker: Option<Waker>,
}

/// A registered call. Dropping it removes the call from the table.
pub(crate) struct PendingGuard<'t> {
    id: SmolStr,
    calls: &'t PendingCalls,
    /// The call was removed when its outcome was taken.
    removed: bool,
}

impl PendingCall {
    /// Stores the first outcome and returns the waker of the caller. Later outcomes are ignored.
    fn complete(&mut self, outcome: CallOutcome) -> Option<Waker> {
        if self.outcome.is_some() {
            return None;
        }
        self.outcome = Some(outcome);
        self.waker.take()
    }
}

impl PendingCalls {
    /// Registers the call with this id, which is about to be sent. Returns `None` once the connection is lost.
    pub(crate) fn register(&self, id: SmolStr) -> Option<PendingGuard<'_>> {
        let mut table = lock(&self.table);
        if table.closed {
            return None;
        }
        table.pending.insert(id.clone(), PendingCall::default());
        Some(PendingGuard { id, calls: self, removed: false })
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.table).pending.is_empty()
    }

    /// Completes the call with that id. An unknown id is ignored: its caller has gone, or it is a stranger's.
    pub(crate) fn complete(&self, id: &str, outcome: CallOutcome) {
        let waker = lock(&self.table).pending.get_mut(id).and_then(|call| call.complete(outcome));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Completes every call with [`CallOutcome::ConnectionLost`] and refuses further ones.
    pub(crate) fn fail_all(&self) {
        let wakers: Vec<Waker> = {
            let mut table = lock(&self.table);
            table.closed = true;
            table.pending.values_mut().filter_map(|call| call.complete(CallOutcome::ConnectionLost)).collect()
        };
        for waker in wakers {
            waker.wake();
        }
    }

    fn poll(&self, id: &str, context: &Context<'_>) -> Poll<CallOutcome> {
        let mut table = lock(&self.table);
        match table.pending.get_mut(id) {
            Some(call) if call.outcome.is_none() => {
                let replaced = call.waker.replace(context.waker().clone());
                drop(table);
                drop(replaced);
                Poll::Pending
            }
            // The guard keeps the call in the table until its outcome is taken.
            _ => {
                let call = table.pending.remove(id);
                drop(table);
                Poll::Ready(call.and_then(|call| call.outcome).unwrap_or(CallOutcome::ConnectionLost))
            }
        }
    }
}

impl PendingGuard<'_> {
    /// Waits for the outcome.
    pub(crate) fn outcome(&mut self) -> impl Future<Output = CallOutcome> {
        poll_fn(|context| {
            let outcome = self.calls.poll(&self.id, context);
            self.removed |= outcome.is_ready();
            outcome
        })
    }
}

impl Drop for PendingGuard<'_> {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        // Dropping a waker may end its task, and that task's calls come back here: nothing is locked by then.
        let call = lock(&self.calls.table).pending.remove(&self.id);
        drop(call);
    }
}

impl fmt::Debug for PendingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = lock(&self.table).pending.len();
        f.debug_struct("PendingCalls").field("pending", &pending).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;
    use crate::protocol::message::{Payload, Reply, ReplyKind};

    fn reply() -> CallOutcome {
        CallOutcome::Reply(Reply { kind: Some(ReplyKind::Ok), server: "desk".into(), payload: Payload::default() })
    }

    fn register<'c>(calls: &'c PendingCalls, id: &str) -> PendingGuard<'c> {
        calls.register(id.into()).unwrap()
    }

    fn outcome(guard: &mut PendingGuard<'_>) -> Option<CallOutcome> {
        guard.outcome().now_or_never()
    }

    #[test]
    fn each_reply_reaches_its_own_call() {
        let calls = PendingCalls::default();
        let (mut first, mut second) = (register(&calls, "1"), register(&calls, "2"));
        calls.complete("2", reply());
        assert!(outcome(&mut first).is_none());
        assert!(matches!(outcome(&mut second), Some(CallOutcome::Reply(_))));
        calls.complete("1", CallOutcome::NoServer);
        assert!(matches!(outcome(&mut first), Some(CallOutcome::NoServer)));
        assert!(calls.is_empty());
    }

    #[test]
    fn only_the_first_outcome_counts() {
        let calls = PendingCalls::default();
        let mut guard = register(&calls, "1");
        calls.fail_all();
        calls.complete("1", reply());
        assert!(matches!(outcome(&mut guard), Some(CallOutcome::ConnectionLost)));
    }

    #[test]
    fn a_lost_connection_takes_no_further_calls() {
        let calls = PendingCalls::default();
        calls.fail_all();
        assert!(calls.register("1".into()).is_none());
    }

    #[test]
    fn a_dropped_call_is_removed_and_its_late_reply_is_ignored() {
        let calls = PendingCalls::default();
        drop(register(&calls, "1"));
        assert!(calls.is_empty());
        calls.complete("1", reply());
    }

    #[test]
    fn foreign_ids_are_ignored() {
        let calls = PendingCalls::default();
        let mut guard = register(&calls, "mine-1");
        for id in ["", "-1", "other-1", "1", "mine-", "mine-11"] {
            calls.complete(id, reply());
        }
        assert!(outcome(&mut guard).is_none());
    }

    /// A waker that records whether the table is locked when it is dropped.
    struct Spy {
        calls: Arc<PendingCalls>,
        unlocked: std::sync::mpsc::Sender<bool>,
    }

    impl std::task::Wake for Spy {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Spy {
        fn drop(&mut self) {
            let _ = self.unlocked.send(self.calls.table.try_lock().is_ok());
        }
    }

    #[test]
    fn wakers_are_dropped_outside_the_lock() {
        let calls = Arc::new(PendingCalls::default());
        let (unlocked, drops) = std::sync::mpsc::channel();
        let wait = |guard: &PendingGuard<'_>| {
            let waker = Arc::new(Spy { calls: Arc::clone(&calls), unlocked: unlocked.clone() }).into();
            calls.poll(&guard.id, &Context::from_waker(&waker)).is_pending()
        };
        let (replaced, dropped) = (register(&calls, "1"), register(&calls, "2"));
        assert!(wait(&replaced) && wait(&replaced) && wait(&dropped));
        drop((replaced, dropped));
        assert_eq!(drops.try_iter().collect::<Vec<_>>(), [true, true, true]);
    }
}
