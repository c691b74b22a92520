//! Acknowledges several deliveries with one frame where possible.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use lapin::Channel;
use lapin::options::BasicAckOptions;

/// The deliveries of a channel that are not acknowledged.
#[derive(Default)]
pub(super) struct Acks {
    /// Those that must not be acknowledged yet.
    pub(super) held: BTreeSet<u64>,
    pub(super) due: Vec<u64>,
}

impl Acks {
    /// Acknowledges the deliveries that are due. One frame covers all before the first that is held.
    pub(super) fn send(&mut self, channel: &Channel) {
        let first = self.held.first().copied().unwrap_or(u64::MAX);
        let before = self.due.iter().copied().filter(|tag| *tag < first).max();
        for tag in self.due.drain(..).filter(|tag| *tag > first).chain(before) {
            ack(channel, tag, Some(tag) == before);
        }
    }
}

/// The frame is queued at the first poll. The rest of the future waits until it is written.
pub(super) fn ack(channel: &Channel, tag: u64, multiple: bool) {
    let _ = channel.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
}
