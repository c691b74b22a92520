//! What is measured.

use crate::contestant::Contestant;
use crate::place::QueueKind;
use crate::role::Flavour;

/// The small message: a note of 100 characters.
const SMALL: usize = 100;

/// One thing that is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) flavour: Flavour,
    /// How many processes serve.
    pub(crate) servers: usize,
    /// How many more APIs each of them serves, which nobody calls.
    pub(crate) idle_apis: usize,
    /// Whether it is in the short run too.
    pub(crate) is_quick: bool,
}

/// The kinds of things that are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Calls, so many at a time.
    Calls { size: usize, in_flight: usize, queue: QueueKind },
    /// Memory of both sides while so many calls are in flight.
    Memory { in_flight: usize },
    /// Events, from when the first is published until the last is handled.
    Events { tasks: usize, subscriptions: usize, queue: QueueKind },
    /// Events that have been waiting, from when the process starts that subscribes until the last is handled.
    Backlog,
    /// How long an event takes at a steady rate.
    Delay { rate: u32 },
    /// What a call costs each side, counted by valgrind.
    Count(Tool),
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Instructions,
    Allocations,
}

impl Work {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, flavour: Flavour::Current, servers: 1, idle_apis: 0, is_quick: false }
    }

    const fn calls(name: &'static str, size: usize, in_flight: usize) -> Self {
        Self::new(name, Kind::Calls { size, in_flight, queue: QueueKind::Classic })
    }

    const fn quorum_calls(name: &'static str, in_flight: usize) -> Self {
        Self::new(name, Kind::Calls { size: SMALL, in_flight, queue: QueueKind::Quorum })
    }

    const fn events(name: &'static str, tasks: usize, subscriptions: usize) -> Self {
        Self::new(name, Kind::Events { tasks, subscriptions, queue: QueueKind::Quorum })
    }

    const fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }

    const fn servers(self, servers: usize) -> Self {
        Self { servers, ..self }
    }

    const fn idle_apis(self, idle_apis: usize) -> Self {
        Self { idle_apis, ..self }
    }

    const fn multi(self) -> Self {
        Self { flavour: Flavour::Multi, ..self }
    }

    pub(crate) fn is_for(&self, contestant: Contestant) -> bool {
        match self.kind {
            // Lightbus's subscriptions have quorum queues.
            Kind::Events { queue: QueueKind::Classic, .. } => contestant != Contestant::Lightbus,
            Kind::Count(_) => matches!(contestant, Contestant::Lightbus | Contestant::Best),
            _ => self.idle_apis == 0 || contestant == Contestant::Lightbus,
        }
    }

    /// How many rounds are worth it: what is counted hardly varies.
    pub(crate) fn rounds(&self) -> u32 {
        match self.kind {
            Kind::Count(_) => 3,
            _ => u32::MAX,
        }
    }

    pub(crate) fn subscriptions(&self) -> usize {
        match self.kind {
            Kind::Events { subscriptions, .. } => subscriptions,
            Kind::Delay { .. } | Kind::Backlog => 1,
            _ => 0,
        }
    }

    /// The kind of queue that it goes through.
    pub(crate) fn queue(&self) -> QueueKind {
        match self.kind {
            Kind::Calls { queue, .. } | Kind::Events { queue, .. } => queue,
            Kind::Delay { .. } | Kind::Backlog => QueueKind::Quorum,
            Kind::Memory { .. } | Kind::Count(_) => QueueKind::Classic,
        }
    }
}

const KIB: usize = 1024;
const CLASSIC: Kind = Kind::Events { tasks: 1, subscriptions: 1, queue: QueueKind::Classic };

/// Everything that is measured, in the order of a round.
pub(crate) const WORKS: &[Work] = &[
    Work::calls("rpc-1", SMALL, 1).quick(),
    Work::calls("rpc-64", SMALL, 64).quick(),
    Work::calls("rpc-512", SMALL, 512).quick(),
    Work::events("events", 1, 1).quick(),
    Work::new("memory", Kind::Memory { in_flight: 1000 }).quick(),
    Work::calls("rpc-1-1k", KIB, 1),
    Work::calls("rpc-64-1k", KIB, 64),
    Work::calls("rpc-1-64k", 64 * KIB, 1),
    Work::calls("rpc-64-64k", 64 * KIB, 64),
    Work::calls("rpc-1-1m", KIB * KIB, 1),
    Work::calls("rpc-8-1m", KIB * KIB, 8),
    Work::quorum_calls("rpc-1-quorum", 1),
    Work::quorum_calls("rpc-64-quorum", 64),
    Work::calls("rpc-1-multi", SMALL, 1).multi(),
    Work::calls("rpc-64-multi", SMALL, 64).multi(),
    Work::calls("rpc-512-multi", SMALL, 512).multi(),
    Work::events("events-8", 8, 1),
    Work::events("events-5-subscriptions", 1, 5),
    Work::events("events-8-5-subscriptions", 8, 5),
    Work::events("events-multi", 8, 1).multi(),
    Work::new("events-classic", CLASSIC),
    Work::new("event-delay", Kind::Delay { rate: 1000 }),
    Work::calls("rpc-64-2-servers", SMALL, 64).servers(2),
    Work::calls("rpc-64-4-servers", SMALL, 64).servers(4),
    Work::calls("rpc-64-24-apis", SMALL, 64).idle_apis(24),
    Work::new("backlog", Kind::Backlog),
    Work::new("instructions", Kind::Count(Tool::Instructions)),
    Work::new("allocations", Kind::Count(Tool::Allocations)),
];
