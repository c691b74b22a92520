//! The order in which the hosts of a cluster are tried, and the time limit of each.

use std::collections::VecDeque;
use std::time::Duration;

use crate::transport::amqp::connection::address::Address;

/// How long connecting to a host may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The limit in the first round if there are other hosts. A host that is merely slow gets the whole time in the next round.
const FIRST_LIMIT: Duration = Duration::from_secs(5);

/// The shortest time that a host gets, even if less is left.
const SHORTEST: Duration = Duration::from_secs(1);

/// The hosts of a cluster in random order, so that the processes of a company spread over them. A host that was just lost or
/// tried is the last to be tried again.
#[derive(Debug)]
pub(crate) struct Hosts {
    next: Address,
    later: VecDeque<Address>,
}

impl Hosts {
    pub(crate) fn new(first: Address, others: Vec<Address>) -> Self {
        Self::shuffled(first, others, &mut fastrand::Rng::new())
    }

    fn shuffled(first: Address, mut others: Vec<Address>, chance: &mut fastrand::Rng) -> Self {
        chance.shuffle(&mut others);
        let mut hosts = Self { next: first, later: others.into() };
        for _ in 0..chance.usize(..hosts.count()) {
            hosts.take_next();
        }
        hosts
    }

    pub(crate) fn count(&self) -> usize {
        self.later.len() + 1
    }

    /// Returns the host to try next.
    pub(crate) fn take_next(&mut self) -> Address {
        let taken = self.next.clone();
        self.later.push_back(taken.clone());
        if let Some(next) = self.later.pop_front() {
            self.next = next;
        }
        taken
    }

    /// How long connecting to a host may take, after this many failed rounds.
    pub(crate) fn limit(&self, rounds: u32) -> Duration {
        if self.count() > 1 && rounds == 0 { FIRST_LIMIT } else { LIMIT }
    }
}

/// Divides the time that is left among the untried hosts.
pub(crate) fn share(limit: Duration, left: Duration, untried: usize) -> Duration {
    let untried = u32::try_from(untried).unwrap_or(u32::MAX).max(1);
    (left / untried).clamp(SHORTEST, limit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use url::Url;

    use super::*;

    fn hosts(count: usize, seed: u64) -> Hosts {
        let address = |number| Address::from_url(&Url::parse(&format!("amqp://host{number}")).unwrap()).unwrap();
        Hosts::shuffled(address(0), (1..count).map(address).collect(), &mut fastrand::Rng::with_seed(seed))
    }

    fn round(hosts: &mut Hosts) -> Vec<String> {
        (0..hosts.count()).map(|_| hosts.take_next().host).collect()
    }

    #[test]
    fn each_round_tries_each_host_once_in_the_same_order() {
        let mut hosts = hosts(4, 1);
        let first = round(&mut hosts);
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 4, "{first:?}");
        assert_eq!(round(&mut hosts), first);
    }

    #[test]
    fn the_host_that_was_tried_last_comes_last() {
        let mut hosts = hosts(3, 1);
        let lost = hosts.take_next().host;
        assert_eq!(round(&mut hosts).last(), Some(&lost));
    }

    #[test]
    fn one_host_is_tried_again_and_again() {
        let mut hosts = hosts(1, 1);
        assert_eq!(
            (hosts.count(), round(&mut hosts), round(&mut hosts)),
            (1, vec!["host0".into()], vec!["host0".into()])
        );
    }

    #[test]
    fn every_order_occurs() {
        let orders: BTreeSet<_> = (0..200).map(|seed| round(&mut hosts(3, seed))).collect();
        assert_eq!(orders.len(), 6);
    }

    #[test]
    fn a_host_with_alternatives_gets_less_time_at_first() {
        let limits = |count| (hosts(count, 1).limit(0), hosts(count, 1).limit(1));
        assert_eq!((limits(1), limits(3)), ((LIMIT, LIMIT), (FIRST_LIMIT, LIMIT)));
    }

    #[test]
    fn hosts_share_the_time_that_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(5), seconds(30), 3), seconds(5));
        assert_eq!(share(seconds(5), seconds(9), 3), seconds(3));
        assert_eq!(share(seconds(5), seconds(6), 1), seconds(5));
        assert_eq!(share(seconds(5), Duration::ZERO, 3), SHORTEST, "each host is tried at least once");
    }
}
