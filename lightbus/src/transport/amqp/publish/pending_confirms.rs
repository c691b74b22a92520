//! Publications that wait for their confirms, in the order in which they left.
//!
//! The broker confirms in that order, many at a time, except where one queue is slower than the others. So only the first
//! publication is awaited: when its confirm arrives, those of the next ones mostly have, too, and the task was not woken for
//! each. Confirms that arrive before their turn are [collected](PendingConfirms::collect_early) regularly.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use futures_util::Stream;
use tokio_util::sync::ReusableBoxFuture;

/// Publications that wait for their confirms. Each ends with a `T`.
#[derive(Debug)]
pub(crate) struct PendingConfirms<T> {
    waiting: VecDeque<Sending<T>>,
    /// The results of publications that ended before their turn.
    early: VecDeque<T>,
    /// Whether the first in line has ended since the last collection.
    moved_on: bool,
    /// The allocations of publications that have ended: one of lapin's takes more than a KiB.
    allocations: Vec<Sending<T>>,
}

type Sending<T> = ReusableBoxFuture<'static, T>;

impl<T> PendingConfirms<T> {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), early: VecDeque::new(), moved_on: false, allocations: Vec::new() }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Polls a publication for the first time, which is when lapin queues it.
    pub(crate) fn begin(&mut self, publication: impl Future<Output = T> + Send + 'static) {
        let sending = match self.allocations.pop() {
            Some(mut allocation) => {
                allocation.set(publication);
                allocation
            }
            None => ReusableBoxFuture::new(publication),
        };
        self.poll(sending);
    }

    /// Collects the publications that were confirmed before their turn, if the first in line has not ended since the last
    /// collection.
    pub(crate) fn collect_early(&mut self) {
        if std::mem::take(&mut self.moved_on) {
            return;
        }
        for sending in std::mem::take(&mut self.waiting) {
            self.poll(sending);
        }
    }

    fn poll(&mut self, mut sending: Sending<T>) {
        // Only the first in line wakes the task, and it is polled again for that.
        match sending.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => {
                self.early.push_back(ended);
                self.allocations.push(sending);
            }
            Poll::Pending => self.waiting.push_back(sending),
        }
    }
}

impl<T: Unpin> Stream for PendingConfirms<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(ended) = self.early.pop_front() {
            return Poll::Ready(Some(ended));
        }
        let Some(first) = self.waiting.front_mut() else { return Poll::Ready(None) };
        let ended = ready!(first.poll(cx));
        self.moved_on = true;
        let allocation = self.waiting.pop_front();
        self.allocations.extend(allocation);
        Poll::Ready(Some(ended))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use tokio::sync::oneshot::{self, Receiver, Sender};

    use super::*;

    async fn sent(number: u32, confirm: Receiver<()>) -> u32 {
        let _ = confirm.await;
        number
    }

    fn three() -> (PendingConfirms<u32>, [Sender<()>; 3]) {
        let mut unconfirmed = PendingConfirms::new();
        let confirms = [0, 1, 2].map(|number| {
            let (confirm, confirmed) = oneshot::channel();
            unconfirmed.begin(sent(number, confirmed));
            confirm
        });
        (unconfirmed, confirms)
    }

    fn next(unconfirmed: &mut PendingConfirms<u32>) -> Option<Option<u32>> {
        unconfirmed.next().now_or_never()
    }

    #[test]
    fn confirms_are_taken_in_order() {
        let (mut unconfirmed, [first, second, third]) = three();
        assert_eq!(next(&mut unconfirmed), None);
        for confirm in [second, first] {
            confirm.send(()).unwrap();
        }
        assert_eq!([next(&mut unconfirmed), next(&mut unconfirmed)], [Some(Some(0)), Some(Some(1))]);
        assert_eq!(next(&mut unconfirmed), None);
        third.send(()).unwrap();
        assert_eq!([next(&mut unconfirmed), next(&mut unconfirmed)], [Some(Some(2)), Some(None)]);
    }

    #[tokio::test]
    async fn the_first_one_wakes_the_task() {
        let (mut unconfirmed, [first, ..]) = three();
        let waiting = tokio::spawn(async move { unconfirmed.next().await });
        tokio::task::yield_now().await;
        first.send(()).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(0));
    }

    #[test]
    fn early_confirms_can_be_collected() {
        let (mut unconfirmed, [first, second, third]) = three();
        second.send(()).unwrap();
        assert_eq!(next(&mut unconfirmed), None);
        unconfirmed.collect_early();
        assert_eq!((next(&mut unconfirmed), unconfirmed.len()), (Some(Some(1)), 2));
        assert_eq!(next(&mut unconfirmed), None);
        for confirm in [first, third] {
            confirm.send(()).unwrap();
        }
        assert_eq!([next(&mut unconfirmed), next(&mut unconfirmed)], [Some(Some(0)), Some(Some(2))]);
    }

    #[test]
    fn a_publication_that_ends_at_once_does_not_wait() {
        let mut unconfirmed = PendingConfirms::new();
        let (_, gone) = oneshot::channel();
        unconfirmed.begin(sent(7, gone));
        assert_eq!([next(&mut unconfirmed), next(&mut unconfirmed)], [Some(Some(7)), Some(None)]);
    }

    #[test]
    fn allocations_are_reused() {
        let mut unconfirmed = PendingConfirms::new();
        for number in 0..5 {
            let (confirm, confirmed) = oneshot::channel();
            unconfirmed.begin(sent(number, confirmed));
            confirm.send(()).unwrap();
            assert_eq!(next(&mut unconfirmed), Some(Some(number)));
        }
        assert_eq!(unconfirmed.allocations.len(), 1);
    }
}
