//! Runs jobs in tasks, a limited number at a time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::runtime::handler_tasks::{Backlog, HandlerTasks, Tracked};
use crate::runtime::sync::lock;

/// One piece of work.
pub(crate) trait Job: Send + 'static {
    /// Does the work.
    fn run(self) -> impl Future<Output = ()> + Send;

    /// Returns the work to its source, because it is not going to run.
    fn decline(self);
}

/// Runs jobs of one kind in the order in which they come, at most `limit` at a time.
///
/// Waiting jobs are declined once the process drains. Dropping the pool drops them; running jobs finish.
pub(crate) struct WorkerPool<J> {
    pool: Arc<Pool<J>>,
}

struct Pool<J> {
    tasks: HandlerTasks,
    limit: usize,
    queue: Mutex<Queue<J>>,
}

struct Queue<J> {
    running: usize,
    waiting: VecDeque<TrackedJob<J>>,
}

/// A job that a shutdown waits for.
struct TrackedJob<J> {
    job: J,
    _tracked: Tracked,
}

/// The right to run one job. Dropping it starts the next one.
struct Slot<J: Job> {
    pool: Arc<Pool<J>>,
    /// Whether the job's task has had a turn. A task that never has belongs to a runtime that has ended.
    started: bool,
}

impl<J: Job> WorkerPool<J> {
    pub(crate) fn new(tasks: HandlerTasks, limit: u16) -> Self {
        let queue = Mutex::new(Queue { running: 0, waiting: VecDeque::new() });
        let pool = Arc::new(Pool { tasks, limit: limit.into(), queue });
        pool.tasks.register(&(Arc::clone(&pool) as Arc<dyn Backlog>));
        Self { pool }
    }

    /// Runs a job when its turn comes. On a runtime that has ended the job is dropped.
    pub(crate) fn run(&self, job: J) {
        let job = TrackedJob { job, _tracked: self.pool.tasks.track() };
        let mut queue = lock(&self.pool.queue);
        // Asked under the lock: a job that is queued now is seen by the drain.
        if self.pool.tasks.is_draining() {
            drop(queue);
            job.job.decline();
            return;
        }
        queue.waiting.push_back(job);
        drop(queue);
        self.pool.start_next();
    }
}

impl<J: Job> Pool<J> {
    fn start_next(self: &Arc<Self>) {
        let Some(TrackedJob { job, _tracked }) = self.next() else { return };
        let mut slot = Slot { pool: Arc::clone(self), started: false };
        self.tasks.spawn(async move {
            slot.started = true;
            if slot.pool.tasks.is_draining() {
                job.decline();
            } else {
                // Handler futures may be large, and debug builds copy them from frame to frame: boxed, they stay in place.
                Box::pin(job.run()).await;
            }
            drop(_tracked);
        });
    }

    fn next(&self) -> Option<TrackedJob<J>> {
        let mut queue = lock(&self.queue);
        if queue.running >= self.limit {
            return None;
        }
        let job = queue.waiting.pop_front()?;
        queue.running += 1;
        Some(job)
    }
}

impl<J: Job> Drop for Slot<J> {
    fn drop(&mut self) {
        let abandoned = {
            let mut queue = lock(&self.pool.queue);
            queue.running -= 1;
            if self.started { VecDeque::new() } else { std::mem::take(&mut queue.waiting) }
        };
        // Outside the lock: a dropped job may come back here.
        drop(abandoned);
        self.pool.start_next();
    }
}

impl<J: Job> Backlog for Pool<J> {
    fn decline(&self) {
        let waiting = std::mem::take(&mut lock(&self.queue).waiting);
        for TrackedJob { job, .. } in waiting {
            job.decline();
        }
    }
}

impl<J> Drop for WorkerPool<J> {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut lock(&self.pool.queue).waiting);
        drop(waiting);
    }
}

impl<J> fmt::Debug for WorkerPool<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Queue { running, waiting } = &*lock(&self.pool.queue);
        f.debug_struct("WorkerPool").field("running", running).field("waiting", &waiting.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use tokio::time::Instant;

    use super::*;
    use crate::runtime::bus_runtime::BusRuntime;

    #[derive(Debug, PartialEq, Eq, Clone, Copy)]
    enum Event {
        Started(u32),
        Declined(u32),
    }

    /// Reports that it starts, and ends when it is told to.
    struct Report {
        number: u32,
        events: Sender<Event>,
        end: oneshot::Receiver<()>,
    }

    impl Job for Report {
        async fn run(self) {
            self.events.send(Event::Started(self.number)).unwrap();
            self.end.await.unwrap();
        }

        fn decline(self) {
            self.events.send(Event::Declined(self.number)).unwrap();
        }
    }

    struct Desk {
        tasks: HandlerTasks,
        pool: WorkerPool<Report>,
        sender: Sender<Event>,
        events: Receiver<Event>,
    }

    impl Desk {
        fn new(limit: u16) -> Self {
            let (sender, events) = channel();
            let tasks = HandlerTasks::new(Arc::new(BusRuntime::current().unwrap()));
            Self { pool: WorkerPool::new(tasks.clone(), limit), tasks, sender, events }
        }

        /// Hands a job to the pool and returns what ends it.
        fn run(&self, number: u32) -> oneshot::Sender<()> {
            let (ending, end) = oneshot::channel();
            self.pool.run(Report { number, events: self.sender.clone(), end });
            ending
        }

        /// Lets every task that is ready have its turns, and returns what they reported.
        async fn events(&self) -> Vec<Event> {
            yield_now().await;
            yield_now().await;
            self.events.try_iter().collect()
        }
    }

    #[tokio::test]
    async fn jobs_run_in_order_up_to_the_limit() {
        let desk = Desk::new(2);
        let mut endings: VecDeque<_> = (1..=5).map(|number| desk.run(number)).collect();
        assert_eq!(desk.events().await, [Event::Started(1), Event::Started(2)]);
        for next in 3..=5 {
            endings.pop_front().unwrap().send(()).unwrap();
            assert_eq!(desk.events().await, [Event::Started(next)]);
        }
    }

    #[tokio::test]
    async fn a_panic_frees_its_slot() {
        let desk = Desk::new(1);
        let first = desk.run(1);
        let (_second, _third) = (desk.run(2), desk.run(3));
        assert_eq!(desk.events().await, [Event::Started(1)]);
        // The job's end is dropped, and it panics.
        drop(first);
        assert_eq!(desk.events().await, [Event::Started(2)]);
    }

    #[tokio::test]
    async fn waiting_jobs_are_declined_when_the_process_drains() {
        let desk = Desk::new(1);
        let running = desk.run(1);
        desk.events().await;
        let _waiting = (desk.run(2), desk.run(3));
        desk.tasks.start_draining();
        assert_eq!(desk.events().await, [Event::Declined(2), Event::Declined(3)]);
        let _late = desk.run(4);
        assert_eq!(desk.events().await, [Event::Declined(4)]);
        running.send(()).unwrap();
        assert!(desk.tasks.finish(Instant::now() + Duration::from_secs(60)).await);
    }

    #[tokio::test]
    async fn a_job_whose_task_has_not_started_is_declined_too() {
        let desk = Desk::new(1);
        let _given = desk.run(1);
        desk.tasks.start_draining();
        assert_eq!(desk.events().await, [Event::Declined(1)]);
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_running_jobs() {
        let desk = Desk::new(9);
        let ending = desk.run(1);
        desk.events().await;
        let mut finished = pin!(desk.tasks.finish(Instant::now() + Duration::from_secs(60)));
        assert!(finished.as_mut().now_or_never().is_none());
        ending.send(()).unwrap();
        assert!(finished.await);
    }

    #[tokio::test]
    async fn dropping_the_pool_drops_waiting_jobs_and_lets_running_ones_finish() {
        let desk = Desk::new(1);
        let (running, waiting) = (desk.run(1), desk.run(2));
        desk.events().await;
        let pool = Arc::downgrade(&desk.pool.pool);
        drop(desk.pool);
        assert!(waiting.is_closed() && !running.is_closed());
        running.send(()).unwrap();
        yield_now().await;
        assert_eq!(pool.strong_count(), 0);
    }

    #[test]
    fn jobs_are_dropped_with_their_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let desk = runtime.block_on(async { Desk::new(1) });
        let running = desk.run(1);
        runtime.block_on(desk.events());
        // Many: dropping one must not start the next from within.
        let waiting: Vec<_> = (2..100_000).map(|number| desk.run(number)).collect();
        drop(runtime);
        let after = desk.run(1);
        assert!(running.is_closed() && waiting.iter().all(oneshot::Sender::is_closed) && after.is_closed());
    }
}
