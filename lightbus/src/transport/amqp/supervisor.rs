//! Keeps a session standing: connects, watches, and connects again, until the transport is closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::Backoff;
use super::errors::{Diagnosis, OPERATION_TIMEOUT};
use super::progress::Consumed;
use super::replies;
use super::session::{Plan, Session};
use super::state::State;
use super::watchdog::Patience;
use crate::error::Error;
use crate::sync::lock;
use crate::transport::{Generation, ReplySink};

/// How long one connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long calls and events of this process wait for its queues to be consumed again.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);

/// The shortest time that an attempt to connect gets, however little of the whole is left.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// What the supervisor shares with the transport.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) replies: Arc<dyn ReplySink>,
    pub(super) state: watch::Sender<State>,
    /// The queues that are being consumed.
    pub(super) consumed: Mutex<Vec<Consumed>>,
    /// The tasks that consume them.
    pub(super) consumers: TaskTracker,
    /// Ends everything.
    pub(super) shutdown: CancellationToken,
    /// The tasks of the sessions, and the supervisor's own.
    pub(super) tasks: TaskTracker,
}

/// Makes the first connection, within `limit`.
pub(super) async fn first_session(shared: &Shared, limit: Duration) -> Result<Arc<Session>, Error> {
    let begun = Instant::now();
    let mut backoff = Backoff::new();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let attempt = left.clamp(SHORTEST_ATTEMPT, CONNECT_LIMIT);
        let failure = match Session::open(&shared.plan, Generation(1), &shared.tasks, attempt).await {
            Ok(session) => return Ok(session),
            Err(failure) => failure,
        };
        let Diagnosis { reason, advice, is_final } = failure.diagnosis();
        let left = limit.saturating_sub(begun.elapsed());
        if is_final || left.is_zero() {
            return Err(failure.into_error(&shared.plan.address, begun.elapsed()));
        }
        let delay = backoff.delay().min(left);
        tracing::warn!("cannot connect to {}: {reason}. {advice}. Trying again in {delay:?}", shared.plan.address);
        sleep(delay).await;
    }
}

/// Keeps a session standing until the shutdown.
pub(super) async fn run(shared: Arc<Shared>, first: Arc<Session>) {
    let (mut backoff, mut patience) = (Backoff::new(), Patience::new());
    let mut session = first;
    loop {
        let stood = Instant::now();
        let standing = async { tokio::join!(rebuild(&shared, &session), session.watch(patience)) };
        shared.shutdown.run_until_cancelled(standing).await;
        if shared.shutdown.is_cancelled() {
            return close(&shared, &session).await;
        }
        let lost = Instant::now();
        give_up(&shared, &session);
        backoff.succeeded_for(stood.elapsed());
        patience.learn(stood.elapsed(), session.fell_silent());
        let generation = Generation(session.generation.0 + 1);
        drop(session);
        let reconnected = shared.shutdown.run_until_cancelled(reconnect(&shared, generation, &mut backoff)).await;
        let Some(next) = reconnected else {
            shared.state.send_replace(State::Closed);
            return;
        };
        tracing::info!("connected to {} again after {:?}", shared.plan.address, lost.elapsed());
        session = next;
    }
}

async fn reconnect(shared: &Shared, generation: Generation, backoff: &mut Backoff) -> Arc<Session> {
    loop {
        let delay = backoff.delay();
        sleep(delay).await;
        match Session::open(&shared.plan, generation, &shared.tasks, CONNECT_LIMIT).await {
            Ok(session) => return session,
            Err(failure) => {
                let Diagnosis { reason, advice, .. } = failure.diagnosis();
                tracing::warn!("still not connected to {}: {reason}. {advice}", shared.plan.address);
            }
        }
    }
}

/// Consumes again what was consumed before, then lets replies in, then lets calls and events out.
async fn rebuild(shared: &Shared, session: &Arc<Session>) {
    shared.state.send_replace(State::Rebuilding(Arc::clone(session)));
    let consumed: Vec<Consumed> = {
        let mut consumed = lock(&shared.consumed);
        consumed.retain(|consumed| consumed.progress.has_changed().is_ok());
        consumed.clone()
    };
    let resumed = async {
        for Consumed { mut progress, .. } in consumed {
            // A queue that cannot be consumed is tried again and again; the others need not wait for it.
            let _ = progress.wait_for(|progress| progress.tried >= session.generation).await;
        }
    };
    let _ = session.while_alive(timeout(RESUME_TIMEOUT, resumed)).await;
    if let Some(Err(failure)) = session.while_alive(replies::start(session, &shared.replies, &shared.tasks)).await {
        session.fail(failure.reason());
    }
    if !session.is_lost() {
        shared.state.send_replace(State::Ready(Arc::clone(session)));
    }
}

/// Lets go of a lost session. The state comes first: replacing it waits for calls that are being queued, so that none of
/// this generation comes after the word that all of them are lost.
fn give_up(shared: &Shared, session: &Arc<Session>) {
    shared.state.send_replace(State::Disconnected);
    shared.replies.lost(session.generation);
    tracing::warn!("the connection to {} is lost: {}. Connecting again", shared.plan.address, session.reason());
    let session = Arc::clone(session);
    shared.tasks.spawn(async move { session.close().await });
}

async fn close(shared: &Shared, session: &Session) {
    // They give back what they hold.
    shared.consumers.close();
    let _ = timeout(OPERATION_TIMEOUT, shared.consumers.wait()).await;
    shared.state.send_replace(State::Closed);
    shared.replies.lost(session.generation);
    session.close().await;
}
