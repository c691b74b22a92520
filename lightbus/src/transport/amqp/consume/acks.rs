//! Groups the deliveries of a channel that one acknowledgement can cover.
//!
//! An acknowledgement costs both sides about as much as a small message, and on a quorum queue an entry in its log. It can cover
//! all deliveries up to its own, so those that are due at about the same time share one. An event is due once it is
//! handled, a call when it is answered.

use std::collections::BTreeSet;

/// The number of a delivery on its channel. The numbers grow.
pub(crate) type Tag = u64;

/// An acknowledgement for the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) tag: Tag,
    /// It covers all deliveries before it, too.
    pub(crate) multiple: bool,
}

/// The deliveries of one channel.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// How many deliveries may be due before they are acknowledged.
    most: usize,
    /// The deliveries that are not settled.
    unsettled: BTreeSet<Tag>,
    /// The deliveries whose acknowledgement is due.
    due: Vec<Tag>,
    /// A task has promised to acknowledge them soon.
    is_promised: bool,
}

/// When a delivery is to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    /// Soon, by [`take_soon`](Acks::take_soon), together with what else becomes due.
    Soon,
    /// By the task that has promised it.
    Promised,
}

impl Acks {
    /// For a channel with that prefetch. At most a quarter of it waits to be acknowledged, so that the channel does not run dry.
    pub(crate) fn new(prefetch: u16) -> Self {
        Self { most: usize::from(prefetch / 4).max(1), ..Self::default() }
    }

    /// Notes that a delivery has arrived.
    pub(crate) fn delivered(&mut self, tag: Tag) {
        self.unsettled.insert(tag);
    }

    /// Notes that the acknowledgement of a delivery is due.
    pub(crate) fn due(&mut self, tag: Tag) -> Due {
        self.unsettled.remove(&tag);
        self.due.push(tag);
        if self.due.len() >= self.most {
            Due::Now
        } else if self.is_promised {
            Due::Promised
        } else if self.unsettled.is_empty() {
            Due::Now
        } else {
            self.promise();
            Due::Soon
        }
    }

    /// Promises a later call of [`take_soon`](Self::take_soon).
    pub(crate) fn promise(&mut self) {
        self.is_promised = true;
    }

    /// Notes that a delivery was settled by a frame of its own.
    pub(crate) fn settled(&mut self, tag: Tag) {
        self.unsettled.remove(&tag);
    }

    /// Takes the acknowledgements that are due: one for all deliveries before the first unsettled one, and one for each other.
    pub(crate) fn take(&mut self) -> Vec<Ack> {
        let first_unsettled = self.unsettled.first().copied().unwrap_or(Tag::MAX);
        let (before, after): (Vec<Tag>, Vec<Tag>) = self.due.drain(..).partition(|tag| *tag < first_unsettled);
        let together = before.iter().max().map(|tag| Ack { tag: *tag, multiple: before.len() > 1 });
        together.into_iter().chain(after.into_iter().map(|tag| Ack { tag, multiple: false })).collect()
    }

    /// Does the same, and fulfils the promise.
    pub(crate) fn take_soon(&mut self) -> Vec<Ack> {
        self.is_promised = false;
        self.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(prefetch: u16, delivered: std::ops::RangeInclusive<Tag>) -> Acks {
        let mut acks = Acks::new(prefetch);
        delivered.for_each(|tag| acks.delivered(tag));
        acks
    }

    #[test]
    fn deliveries_that_are_due_together_share_an_acknowledgement() {
        let mut acks = acks(32, 1..=4);
        assert_eq!([2, 1, 3].map(|tag| acks.due(tag)), [Due::Soon, Due::Promised, Due::Promised]);
        assert_eq!(acks.take_soon(), [Ack { tag: 3, multiple: true }]);
        assert_eq!(acks.take(), []);
        acks.delivered(5);
        assert_eq!(acks.due(5), Due::Soon);
    }

    #[test]
    fn nothing_is_acknowledged_that_is_not_due() {
        let mut acks = acks(32, 1..=5);
        for tag in [1, 3, 5] {
            acks.due(tag);
        }
        let alone = |tag| Ack { tag, multiple: false };
        assert_eq!(acks.take(), [alone(1), alone(3), alone(5)]);
        for tag in [4, 2] {
            acks.due(tag);
        }
        assert_eq!(acks.take(), [Ack { tag: 4, multiple: true }]);
    }

    #[test]
    fn a_delivery_that_is_settled_alone_delays_no_other() {
        let mut acks = acks(32, 1..=3);
        acks.settled(1);
        assert_eq!([acks.due(2), acks.due(3)], [Due::Soon, Due::Promised]);
        assert_eq!(acks.take_soon(), [Ack { tag: 3, multiple: true }]);
    }

    #[test]
    fn the_last_delivery_waits_for_no_other() {
        let mut acks = acks(32, 1..=1);
        assert_eq!(acks.due(1), Due::Now);
        assert_eq!(acks.take(), [Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn an_acknowledgement_that_is_promised_is_awaited() {
        let mut acks = acks(32, 1..=1);
        acks.promise();
        assert_eq!(acks.due(1), Due::Promised);
        assert_eq!(acks.take_soon(), [Ack { tag: 1, multiple: false }]);
        acks.delivered(2);
        assert_eq!(acks.due(2), Due::Now);
    }

    #[test]
    fn at_most_a_quarter_of_the_prefetch_waits() {
        let mut acks = acks(8, 1..=8);
        assert_eq!([1, 2].map(|tag| acks.due(tag)), [Due::Soon, Due::Now]);
        let mut one_at_a_time = self::acks(2, 1..=2);
        assert_eq!(one_at_a_time.due(1), Due::Now);
    }
}
