//! The calls of this process that wait for their answers.

use std::fmt;
use std::future::poll_fn;
use std::iter::repeat_with;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, SmolStrBuilder};

use crate::protocol::message::Reply;
use crate::runtime::sync::lock;
use crate::transport::{Generation, ReplySink};

/// The calls of this process that wait for their answers. Each is in it from before it is sent until its caller has what
/// arrived for it, or has gone, whichever comes first.
pub(crate) struct InFlight {
    /// What the ids of this process's calls begin with, and those of no other process.
    prefix: SmolStr,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    waiting: FxHashMap<u64, PendingCall>,
}

struct PendingCall {
    generation: Generation,
    arrival: Option<Arrival>,
    /// Wakes the caller, once it has begun to wait.
    waker: Option<Waker>,
}

/// What can arrive for a call.
#[derive(Debug)]
pub(crate) enum Arrival {
    Reply(Reply),
    Unroutable,
    Lost,
}

/// A place in the table. Dropping it gives the place up.
pub(crate) struct PendingGuard<'t> {
    number: u64,
    in_flight: &'t InFlight,
    /// Whether the place was given up for what arrived.
    ended: bool,
}

impl PendingCall {
    /// Takes what has arrived, if nothing has before, and returns what wakes the caller.
    fn arrive(&mut self, arrival: Arrival) -> Option<Waker> {
        if self.arrival.is_some() {
            return None;
        }
        self.arrival = Some(arrival);
        self.waker.take()
    }
}

impl InFlight {
    pub(crate) fn new() -> Arc<Self> {
        let prefix = repeat_with(fastrand::alphanumeric).take(8).chain(['-']).collect();
        Arc::new(Self { prefix, table: Mutex::default() })
    }

    /// Takes a place for a call that is about to be sent on the connection of that generation.
    pub(crate) fn register(&self, generation: Generation) -> PendingGuard<'_> {
        let mut table = lock(&self.table);
        let number = table.next;
        table.next += 1;
        table.waiting.insert(number, PendingCall { generation, arrival: None, waker: None });
        PendingGuard { number, in_flight: self, ended: false }
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.table).waiting.len()
    }

    fn number_of(&self, id: &str) -> Option<u64> {
        u64::from_str_radix(id.strip_prefix(&*self.prefix)?, 16).ok()
    }

    fn end(&self, id: &str, arrival: Arrival) {
        let Some(number) = self.number_of(id) else { return };
        let waker = lock(&self.table).waiting.get_mut(&number).and_then(|waiting| waiting.arrive(arrival));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, number: u64, context: &Context<'_>) -> Poll<Arrival> {
        let mut table = lock(&self.table);
        match table.waiting.get_mut(&number) {
            Some(waiting) if waiting.arrival.is_none() => {
                let replaced = waiting.waker.replace(context.waker().clone());
                drop(table);
                drop(replaced);
                Poll::Pending
            }
            // It is there until its guard is dropped or has had what arrived.
            _ => {
                let ended = table.waiting.remove(&number);
                drop(table);
                Poll::Ready(ended.and_then(|ended| ended.arrival).unwrap_or(Arrival::Lost))
            }
        }
    }
}

impl ReplySink for InFlight {
    fn reply(&self, id: &str, reply: Reply) {
        self.end(id, Arrival::Reply(reply));
    }

    fn unroutable(&self, id: &str) {
        self.end(id, Arrival::Unroutable);
    }

    fn lost(&self, generation: Generation) {
        let wakers: Vec<Waker> = lock(&self.table)
            .waiting
            .values_mut()
            .filter(|waiting| waiting.generation <= generation)
            .filter_map(|waiting| waiting.arrive(Arrival::Lost))
            .collect();
        for waker in wakers {
            waker.wake();
        }
    }

    fn is_waiting(&self) -> bool {
        self.len() > 0
    }
}

impl PendingGuard<'_> {
    /// The call's id.
    pub(crate) fn id(&self) -> SmolStr {
        let mut digits = [0; 16];
        let mut first = digits.len();
        let mut rest = self.number;
        loop {
            first -= 1;
            digits[first] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
            if rest == 0 {
                break;
            }
        }
        let mut id = SmolStrBuilder::new();
        id.push_str(&self.in_flight.prefix);
        id.push_str(str::from_utf8(&digits[first..]).unwrap_or_default());
        id.finish()
    }

    /// Waits for what arrives.
    pub(crate) fn arrival(&mut self) -> impl Future<Output = Arrival> {
        poll_fn(|context| self.poll(context))
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Arrival> {
        let arrival = self.in_flight.poll(self.number, context);
        self.ended |= arrival.is_ready();
        arrival
    }

    /// What arrives while every other task that is ready now has its turn.
    pub(crate) fn arrived_in_a_turn(&mut self) -> impl Future<Output = Option<Arrival>> {
        let mut had_turn = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut had_turn, true) {
                return Poll::Ready(match self.poll(context) {
                    Poll::Ready(arrival) => Some(arrival),
                    Poll::Pending => None,
                });
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

impl Drop for PendingGuard<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // A waker may end a task with it, and that task's calls come back here: it is dropped when nothing is locked.
        let waiting = lock(&self.in_flight.table).waiting.remove(&self.number);
        drop(waiting);
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("prefix", &self.prefix).field("waiting", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::protocol::message::{Payload, ReplyKind};

    fn reply() -> Reply {
        Reply { kind: Some(ReplyKind::Ok), server: "desk".into(), payload: Payload::default() }
    }

    fn arrived(guard: &mut PendingGuard<'_>) -> Option<Arrival> {
        guard.arrival().now_or_never()
    }

    #[test]
    fn each_answer_reaches_its_own_call() {
        let in_flight = InFlight::new();
        let (mut first, mut second) = (in_flight.register(Generation(1)), in_flight.register(Generation(1)));
        in_flight.reply(&second.id(), reply());
        assert!(arrived(&mut first).is_none());
        assert!(matches!(arrived(&mut second), Some(Arrival::Reply(_))));
        in_flight.unroutable(&first.id());
        assert!(matches!(arrived(&mut first), Some(Arrival::Unroutable)));
        assert!(!in_flight.is_waiting());
    }

    #[test]
    fn ids_are_numbers_in_hexadecimal() {
        let in_flight = InFlight::new();
        for number in [0, 1, 9, 10, 15, 16, 0xabc, 0x1_0000_0000, u64::MAX] {
            let guard = PendingGuard { number, in_flight: &in_flight, ended: false };
            assert_eq!(guard.id(), format!("{}{number:x}", guard.in_flight.prefix));
            assert_eq!(guard.in_flight.number_of(&guard.id()), Some(number));
        }
    }

    #[test]
    fn only_the_first_arrival_counts() {
        let in_flight = InFlight::new();
        let mut guard = in_flight.register(Generation(1));
        let id = guard.id();
        in_flight.lost(Generation(1));
        in_flight.reply(&id, reply());
        in_flight.unroutable(&id);
        assert!(matches!(arrived(&mut guard), Some(Arrival::Lost)));
    }

    #[test]
    fn a_loss_ends_the_calls_of_its_generation_and_before() {
        let in_flight = InFlight::new();
        let mut guards = [0, 1, 2].map(|generation| in_flight.register(Generation(generation)));
        in_flight.lost(Generation(1));
        let lost = guards.each_mut().map(|guard| arrived(guard).is_some());
        assert_eq!(lost, [true, true, false]);
    }

    #[test]
    fn a_dropped_call_leaves_no_trace_and_its_late_answer_is_ignored() {
        let in_flight = InFlight::new();
        let id = in_flight.register(Generation(1)).id();
        assert_eq!(in_flight.len(), 0);
        in_flight.reply(&id, reply());
    }

    #[test]
    fn ids_of_others_are_ignored() {
        let in_flight = InFlight::new();
        let mut guard = in_flight.register(Generation(1));
        for id in ["", "-0", "other-0", "0", &in_flight.prefix, &format!("{}zz", in_flight.prefix)] {
            in_flight.reply(id, reply());
        }
        assert!(arrived(&mut guard).is_none());
        assert_eq!(in_flight.len(), 1);
    }

    /// A waker that finds out when it is dropped whether the table is locked.
    struct Prying {
        in_flight: Arc<InFlight>,
        found: std::sync::mpsc::Sender<bool>,
    }

    impl std::task::Wake for Prying {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Prying {
        fn drop(&mut self) {
            let _ = self.found.send(self.in_flight.table.try_lock().is_ok());
        }
    }

    #[test]
    fn a_waker_is_dropped_when_the_table_is_not_locked() {
        let in_flight = InFlight::new();
        let (found, free) = std::sync::mpsc::channel();
        let wait = |guard: &PendingGuard<'_>| {
            let waker = Arc::new(Prying { in_flight: Arc::clone(&in_flight), found: found.clone() }).into();
            in_flight.poll(guard.number, &Context::from_waker(&waker)).is_pending()
        };
        let (replaced, dropped) = (in_flight.register(Generation(1)), in_flight.register(Generation(1)));
        assert!(wait(&replaced) && wait(&replaced) && wait(&dropped));
        drop((replaced, dropped));
        assert_eq!(free.try_iter().collect::<Vec<_>>(), [true, true, true]);
    }
}
