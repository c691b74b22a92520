//! Runs work, so much at a time, in tasks that are used again.
//!
//! To allocate a task and to free it takes a fifth of a short call in memory. So one that has finished its work waits for
//! more of the same kind.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::runtime::handler_tasks::{Backlog, HandlerTasks};
use crate::runtime::sync::lock;

/// What a worker does.
pub(crate) trait Job: Send + 'static {
    fn run(self) -> impl Future<Output = ()> + Send;

    /// Gives it back to where it came from: it is not going to run.
    fn decline(self);
}

/// Runs work of one kind, so much at a time, and in the order in which it came. What waits is declined when no further work
/// is to begin. Once this is dropped, the workers end when they have finished.
pub(crate) struct WorkerPool<W> {
    pool: Arc<Pool<W>>,
}

struct Pool<W> {
    tasks: HandlerTasks,
    at_a_time: usize,
    state: Mutex<State<W>>,
}

struct State<W> {
    /// One for each worker.
    seats: Slab<Seat<W>>,
    /// The workers that have nothing to do. Who finished last is the next to work.
    idle: Vec<usize>,
    /// How many have.
    busy: usize,
    waiting: VecDeque<Tracked<W>>,
    closed: bool,
}

/// What there is for a worker.
struct Seat<W> {
    work: Option<Tracked<W>>,
    waker: Option<Waker>,
}

/// Job that a shutdown waits for.
struct Tracked<W> {
    work: W,
    tracked: TaskTrackerToken,
}

/// What is to be done with work that has come.
enum Begin<W> {
    /// A worker has it.
    Wake(Option<Waker>),
    /// It needs a new worker.
    Spawn(Tracked<W>),
    Wait,
    Decline(Tracked<W>),
}

/// A worker's seat, until the worker ends.
struct Worker<W: Job> {
    pool: Arc<Pool<W>>,
    seat: usize,
}

impl<W: Job> WorkerPool<W> {
    pub(crate) fn new(tasks: HandlerTasks, at_a_time: u16) -> Self {
        let state = State { seats: Slab::new(), idle: Vec::new(), busy: 0, waiting: VecDeque::new(), closed: false };
        let pool = Arc::new(Pool { tasks, at_a_time: at_a_time.into(), state: Mutex::new(state) });
        pool.tasks.register(&(Arc::clone(&pool) as Arc<dyn Backlog>));
        Self { pool }
    }

    /// Runs it when its turn has come. On a runtime that has ended it is dropped.
    pub(crate) fn run(&self, work: W) {
        let pool = &self.pool;
        let work = Tracked { work, tracked: pool.tasks.track() };
        let mut state = lock(&pool.state);
        // Asked while the state is locked: what is put into the line now is seen by whoever declines it.
        let begin = if pool.tasks.is_draining() { Begin::Decline(work) } else { state.begin(work, pool.at_a_time) };
        match begin {
            Begin::Wake(waker) => {
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Begin::Spawn(work) => pool.spawn(state, work),
            Begin::Wait => {}
            Begin::Decline(Tracked { work, .. }) => {
                drop(state);
                work.decline();
            }
        }
    }
}

impl<W: Job> Pool<W> {
    /// Has a new worker begin with that.
    fn spawn(self: &Arc<Self>, mut state: MutexGuard<'_, State<W>>, work: Tracked<W>) {
        let seat = state.seats.insert(Seat { work: Some(work), waker: None });
        drop(state);
        self.tasks.spawn(Worker { pool: Arc::clone(self), seat }.work());
    }
}

impl<W> State<W> {
    fn begin(&mut self, work: Tracked<W>, at_a_time: usize) -> Begin<W> {
        if self.busy >= at_a_time {
            self.waiting.push_back(work);
            return Begin::Wait;
        }
        self.busy += 1;
        match self.idle.pop().and_then(|idle| self.seats.get_mut(idle)) {
            Some(seat) => {
                seat.work = Some(work);
                Begin::Wake(seat.waker.take())
            }
            None => Begin::Spawn(work),
        }
    }
}

impl<W: Job> Backlog for Pool<W> {
    fn decline(&self) {
        let waiting = std::mem::take(&mut lock(&self.state).waiting);
        for Tracked { work, .. } in waiting {
            work.decline();
        }
    }
}

impl<W> Drop for WorkerPool<W> {
    fn drop(&mut self) {
        let (wakers, waiting) = {
            let mut state = lock(&self.pool.state);
            state.closed = true;
            let wakers: Vec<Waker> = state.seats.iter_mut().filter_map(|(_, seat)| seat.waker.take()).collect();
            (wakers, std::mem::take(&mut state.waiting))
        };
        for waker in wakers {
            waker.wake();
        }
        // Outside the lock: it goes back to where it came from, which may come back here.
        drop(waiting);
    }
}

impl<W: Job> Worker<W> {
    /// What a worker does all its life.
    async fn work(self) {
        let mut is_first = true;
        while let Some(Tracked { work, tracked }) = self.next(std::mem::take(&mut is_first)).await {
            if self.pool.tasks.is_draining() {
                work.decline();
            } else {
                pin!(work.run()).await;
            }
            drop(tracked);
        }
    }
}

impl<W: Job> Worker<W> {
    /// Waits for work. `None` when there will be no more.
    fn next(&self, mut has_asked: bool) -> impl Future<Output = Option<Tracked<W>>> {
        poll_fn(move |context| self.poll_next(std::mem::replace(&mut has_asked, true), context))
    }

    fn poll_next(&self, has_asked: bool, context: &Context<'_>) -> Poll<Option<Tracked<W>>> {
        let mut state = lock(&self.pool.state);
        let State { seats, idle, busy, waiting, closed } = &mut *state;
        let Some(seat) = seats.get_mut(self.seat) else { return Poll::Ready(None) };
        if let Some(work) = seat.work.take() {
            return Poll::Ready(Some(work));
        }
        if *closed {
            return Poll::Ready(None);
        }
        if !has_asked {
            seat.work = waiting.pop_front();
            if seat.work.is_some() {
                // Others have their turn at the processor first.
                drop(state);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            *busy -= 1;
            idle.push(self.seat);
        }
        // It is this task that is running, so that the waker that is replaced is not the last of it.
        seat.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<W: Job> Drop for Worker<W> {
    fn drop(&mut self) {
        let mut state = lock(&self.pool.state);
        let left = state.seats.try_remove(self.seat);
        if let Some(at) = state.idle.iter().position(|idle| *idle == self.seat) {
            state.idle.swap_remove(at);
            drop(state);
        } else if let Some(next) = state.waiting.pop_front() {
            // It panicked, or its runtime has ended, which then drops what waits, too.
            self.pool.spawn(state, next);
        } else {
            state.busy -= 1;
            drop(state);
        }
        // Outside the lock: work that it did not begin goes back to where it came from, which may come back here.
        drop(left);
    }
}

impl<W> fmt::Debug for WorkerPool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { busy, idle, waiting, .. } = &*lock(&self.pool.state);
        let (idle, waiting) = (idle.len(), waiting.len());
        f.debug_struct("WorkerPool").field("busy", busy).field("idle", &idle).field("waiting", &waiting).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    /// Says in which task it runs, and ends when it is told to.
    struct Report {
        number: u32,
        begun: Sender<(u32, Option<tokio::task::Id>)>,
        end: oneshot::Receiver<()>,
    }

    impl Job for Report {
        async fn run(self) {
            self.begun.send((self.number, tokio::task::try_id())).unwrap();
            self.end.await.unwrap();
        }

        fn decline(self) {
            self.begun.send((self.number, None)).unwrap();
        }
    }

    /// Where work comes from.
    struct Desk {
        tasks: HandlerTasks,
        workers: WorkerPool<Report>,
        begun: Sender<(u32, Option<tokio::task::Id>)>,
        reports: Receiver<(u32, Option<tokio::task::Id>)>,
    }

    impl Desk {
        fn new(at_a_time: u16) -> Self {
            let (begun, reports) = channel();
            let tasks = HandlerTasks::new();
            Self { workers: WorkerPool::new(tasks.clone(), at_a_time), tasks, begun, reports }
        }

        /// Hands out work, and returns what ends it.
        fn run(&self, number: u32) -> oneshot::Sender<()> {
            let (ending, end) = oneshot::channel();
            self.workers.run(Report { number, begun: self.begun.clone(), end });
            ending
        }

        /// Lets every task that is ready have a turn, and returns what has begun, and in which task.
        async fn begun(&self) -> Vec<(u32, tokio::task::Id)> {
            yield_now().await;
            self.reports.try_iter().map(|(number, task)| (number, task.unwrap())).collect()
        }

        fn declined(&self) -> Vec<u32> {
            self.reports.try_iter().filter(|(_, task)| task.is_none()).map(|(number, _)| number).collect()
        }
    }

    fn numbers(begun: &[(u32, tokio::task::Id)]) -> Vec<u32> {
        begun.iter().map(|(number, _)| *number).collect()
    }

    #[tokio::test]
    async fn a_task_that_has_finished_is_used_again() {
        let desk = Desk::new(9);
        let first = desk.run(1);
        let began = desk.begun().await;
        first.send(()).unwrap();
        assert!(desk.begun().await.is_empty());
        let _second = desk.run(2);
        assert_eq!(desk.begun().await, [(2, began[0].1)]);
    }

    #[tokio::test]
    async fn so_much_runs_at_a_time_in_the_order_in_which_it_came() {
        let desk = Desk::new(2);
        let mut endings: VecDeque<_> = (1..=5).map(|number| desk.run(number)).collect();
        assert_eq!(numbers(&desk.begun().await), [1, 2]);
        for next in 3..=5 {
            endings.pop_front().unwrap().send(()).unwrap();
            // One turn to end, and one to begin what waits.
            let (ended, begun) = (desk.begun().await, desk.begun().await);
            assert_eq!(numbers(&[ended, begun].concat()), [next]);
        }
    }

    #[tokio::test]
    async fn a_panic_costs_no_place() {
        let desk = Desk::new(1);
        // Its end is dropped, and it panics.
        drop(desk.run(1));
        assert_eq!(numbers(&desk.begun().await), [1]);
        yield_now().await;
        let _second = desk.run(2);
        assert_eq!(numbers(&desk.begun().await), [2]);
    }

    #[tokio::test]
    async fn what_waits_behind_a_panic_has_its_turn() {
        let desk = Desk::new(1);
        let first = desk.run(1);
        let (_second, _third) = (desk.run(2), desk.run(3));
        assert_eq!(numbers(&desk.begun().await), [1]);
        drop(first);
        let (panicked, begun) = (desk.begun().await, desk.begun().await);
        assert_eq!(numbers(&[panicked, begun].concat()), [2]);
    }

    #[tokio::test]
    async fn what_waits_when_nothing_more_is_to_begin_is_declined() {
        let desk = Desk::new(1);
        let running = desk.run(1);
        desk.begun().await;
        let _waiting = (desk.run(2), desk.run(3));
        desk.tasks.start_draining();
        assert_eq!(desk.declined(), [2, 3]);
        let _late = desk.run(4);
        assert_eq!(desk.declined(), [4]);
        running.send(()).unwrap();
        assert!(desk.tasks.finish(Duration::from_secs(60)).await);
    }

    #[tokio::test]
    async fn what_was_given_to_a_worker_that_has_not_had_its_turn_is_declined_too() {
        let desk = Desk::new(1);
        let _given = desk.run(1);
        desk.tasks.start_draining();
        yield_now().await;
        assert_eq!(desk.declined(), [1]);
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_work_and_not_for_workers() {
        let desk = Desk::new(9);
        let ending = desk.run(1);
        desk.begun().await;
        let mut finished = pin!(desk.tasks.finish(Duration::from_secs(60)));
        assert!(finished.as_mut().now_or_never().is_none());
        ending.send(()).unwrap();
        assert!(finished.await);
    }

    #[tokio::test]
    async fn workers_end_with_whoever_gives_them_work() {
        let desk = Desk::new(2);
        let (idle, busy, waiting) = (desk.run(1), desk.run(2), desk.run(3));
        desk.begun().await;
        let pool = Arc::downgrade(&desk.workers.pool);
        drop(desk.workers);
        assert!(waiting.is_closed());
        idle.send(()).unwrap();
        yield_now().await;
        assert_eq!(pool.strong_count(), 1);
        busy.send(()).unwrap();
        yield_now().await;
        assert_eq!(pool.strong_count(), 0);
    }

    #[test]
    fn work_is_dropped_with_the_runtime_of_its_worker() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let desk = runtime.block_on(async { Desk::new(2) });
        let first = desk.run(1);
        runtime.block_on(desk.begun());
        first.send(()).unwrap();
        runtime.block_on(desk.begun());
        // One is given to the worker that is there and one to a new one, and neither has another turn; one waits.
        let (given, waiting) = ((desk.run(2), desk.run(3)), desk.run(4));
        drop(runtime);
        let after = desk.run(5);
        assert!(given.0.is_closed() && given.1.is_closed() && waiting.is_closed() && after.is_closed());
    }
}
