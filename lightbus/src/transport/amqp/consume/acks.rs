//! Which deliveries of a channel are settled, and which of them one acknowledgement can name together.
//!
//! An acknowledgement costs both sides about as much as a small message, and on a quorum queue an entry in its log. It can
//! stand for all deliveries up to its own, so those that can be acknowledged at about the same time share one: events when
//! they are handled, calls when they are answered.

use std::collections::BTreeSet;

/// Numbers one delivery of a channel. They grow.
pub(crate) type Tag = u64;

/// An acknowledgement as it goes to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) tag: Tag,
    /// Whether it stands for all before it, too.
    pub(crate) multiple: bool,
}

/// The deliveries of one channel.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// How many may be due before they are acknowledged.
    most: usize,
    /// Those that are not settled.
    unsettled: BTreeSet<Tag>,
    /// Those that can be acknowledged and are not.
    due: Vec<Tag>,
    /// Whether someone was told to acknowledge them soon.
    is_promised: bool,
}

/// When what can be acknowledged is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    /// Once what else can be at this time can be, too: by [`take_soon`](Acks::take_soon).
    Soon,
    /// When someone else does who was told so.
    Promised,
}

impl Acks {
    /// For a channel on which the broker sends so many deliveries ahead. It is not to run out of them, so that a quarter of
    /// them at most wait to be acknowledged.
    pub(crate) fn new(prefetch: u16) -> Self {
        Self { most: usize::from(prefetch / 4).max(1), ..Self::default() }
    }

    /// A delivery has arrived.
    pub(crate) fn delivered(&mut self, tag: Tag) {
        self.unsettled.insert(tag);
    }

    /// A delivery can be acknowledged.
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

    /// Whoever calls this will [`take_soon`](Self::take_soon).
    pub(crate) fn promise(&mut self) {
        self.is_promised = true;
    }

    /// A delivery has a frame of its own that settles it.
    pub(crate) fn settled(&mut self, tag: Tag) {
        self.unsettled.remove(&tag);
    }

    /// The acknowledgements of what is due: one for all before the first that is not settled, and one for each other.
    pub(crate) fn take(&mut self) -> Vec<Ack> {
        let first_unsettled = self.unsettled.first().copied().unwrap_or(Tag::MAX);
        let (before, after): (Vec<Tag>, Vec<Tag>) = self.due.drain(..).partition(|tag| *tag < first_unsettled);
        let together = before.iter().max().map(|tag| Ack { tag: *tag, multiple: before.len() > 1 });
        together.into_iter().chain(after.into_iter().map(|tag| Ack { tag, multiple: false })).collect()
    }

    /// The same, for whoever was told that it is due soon.
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
    fn what_is_due_at_the_same_time_shares_an_acknowledgement() {
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
    fn what_is_settled_alone_holds_nothing_up() {
        let mut acks = acks(32, 1..=3);
        acks.settled(1);
        assert_eq!([acks.due(2), acks.due(3)], [Due::Soon, Due::Promised]);
        assert_eq!(acks.take_soon(), [Ack { tag: 3, multiple: true }]);
    }

    #[test]
    fn the_last_one_waits_for_no_other() {
        let mut acks = acks(32, 1..=1);
        assert_eq!(acks.due(1), Due::Now);
        assert_eq!(acks.take(), [Ack { tag: 1, multiple: false }]);
    }

    #[test]
    fn whoever_has_promised_to_acknowledge_is_waited_for() {
        let mut acks = acks(32, 1..=1);
        acks.promise();
        assert_eq!(acks.due(1), Due::Promised);
        assert_eq!(acks.take_soon(), [Ack { tag: 1, multiple: false }]);
        acks.delivered(2);
        assert_eq!(acks.due(2), Due::Now);
    }

    #[test]
    fn no_more_than_a_quarter_of_what_is_sent_ahead_waits() {
        let mut acks = acks(8, 1..=8);
        assert_eq!([1, 2].map(|tag| acks.due(tag)), [Due::Soon, Due::Now]);
        let mut one_at_a_time = self::acks(2, 1..=2);
        assert_eq!(one_at_a_time.due(1), Due::Now);
    }
}
