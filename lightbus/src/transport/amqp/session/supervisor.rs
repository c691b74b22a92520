//! Keeps a session standing: connects, watches, and connects again, until the transport is closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Error;
use crate::runtime::sync::lock;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::clock::ClockCheck;
use crate::transport::amqp::consume::status::ConsumerStatus;
use crate::transport::amqp::errors::{Diagnosis, OPERATION_TIMEOUT};
use crate::transport::amqp::repeat_log::RepeatLog;
use crate::transport::amqp::session::connect_report::ConnectReport;
use crate::transport::amqp::session::hosts::{self, Hosts};
use crate::transport::amqp::session::replies;
use crate::transport::amqp::session::state::State;
use crate::transport::amqp::session::watch_session;
use crate::transport::amqp::session::watchdog::Patience;
use crate::transport::amqp::session::{Generation, Session, SessionConfig};

/// How long calls and events of this process wait for its queues to be consumed again.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);

/// What the supervisor shares with the transport.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Arc<SessionConfig>,
    pub(crate) state: watch::Sender<State>,
    /// The queues that are being consumed.
    pub(crate) consumed: Mutex<Vec<watch::Receiver<ConsumerStatus>>>,
    /// The tasks that consume them.
    pub(crate) consumers: TaskTracker,
    /// Ends everything.
    pub(crate) shutdown: CancellationToken,
    /// The tasks of the sessions, and the supervisor's own.
    pub(crate) tasks: TaskTracker,
}

/// Makes the first connection, within `limit`.
///
/// # Errors
///
/// If no host accepts a connection in time, or tokio's clock is paused.
pub(crate) async fn first_session(shared: &Shared, hosts: &mut Hosts, limit: Duration) -> Result<Arc<Session>, Error> {
    let (begun, clock) = (Instant::now(), ClockCheck::start());
    let (mut backoff, mut log) = (Backoff::new(), RepeatLog::default());
    let mut rounds = 0;
    loop {
        let most = hosts.limit(rounds);
        let time = |untried| hosts::share(most, limit.saturating_sub(begun.elapsed()), untried);
        let outcome = round(shared, hosts, Generation(1), &mut log, time).await;
        if clock.is_paused() {
            return Err(Error::PausedClock { url: shared.plan.url.to_string() });
        }
        let attempts = match outcome {
            Ok(session) => return Ok(session),
            Err(attempts) => attempts,
        };
        let left = limit.saturating_sub(begun.elapsed());
        if attempts.are_final() || left.is_zero() {
            return Err(attempts.into_error(&shared.plan.url, begun.elapsed()));
        }
        let delay = backoff.delay().min(left);
        tracing::debug!("trying to connect to {} again in {delay:?}", shared.plan.url);
        sleep(delay).await;
        rounds = rounds.saturating_add(1);
    }
}

/// Tries each host once, in turn. Ends early if a host accepts a session, or refuses one for good. `time` says how long an
/// attempt may take, given the number of untried hosts.
async fn round(
    shared: &Shared,
    hosts: &mut Hosts,
    generation: Generation,
    log: &mut RepeatLog,
    time: impl Fn(usize) -> Duration,
) -> Result<Arc<Session>, ConnectReport> {
    let mut attempts = ConnectReport::default();
    for untried in (1..=hosts.count()).rev() {
        let address = hosts.take_next();
        match Session::open(&shared.plan, &address, generation, &shared.tasks, time(untried)).await {
            Ok(session) => return Ok(session),
            Err(failure) => {
                let Diagnosis { reason, advice, .. } = failure.diagnosis();
                let problem = format!("{reason}. {advice}");
                if let Some(line) = log.line(&format!("cannot connect to {address}"), problem) {
                    tracing::warn!("{line}");
                }
                attempts.add(&address, failure);
            }
        }
        if attempts.are_final() {
            break;
        }
    }
    Err(attempts)
}

/// Keeps a session standing until the shutdown.
pub(crate) async fn run(shared: Arc<Shared>, mut hosts: Hosts, first: Arc<Session>) {
    let (mut backoff, mut patience) = (Backoff::new(), Patience::new());
    let mut session = first;
    loop {
        let stood = Instant::now();
        let standing = async { tokio::join!(rebuild(&shared, &session), watch_session::watch(&session, patience)) };
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
        let connecting = reconnect(&shared, &mut hosts, generation, &mut backoff);
        let reconnected = shared.shutdown.run_until_cancelled(connecting).await;
        let Some(next) = reconnected else {
            shared.state.send_replace(State::Closed);
            return;
        };
        session = next;
        tracing::info!("connected again, to {}, after {:?}", session.address, lost.elapsed());
    }
}

async fn reconnect(shared: &Shared, hosts: &mut Hosts, generation: Generation, backoff: &mut Backoff) -> Arc<Session> {
    let (mut rounds, mut log) = (0, RepeatLog::default());
    loop {
        sleep(backoff.delay()).await;
        let limit = hosts.limit(rounds);
        if let Ok(session) = round(shared, hosts, generation, &mut log, |_| limit).await {
            return session;
        }
        rounds = rounds.saturating_add(1);
    }
}

/// Consumes again what was consumed before, then lets replies in, then lets calls and events out.
async fn rebuild(shared: &Shared, session: &Arc<Session>) {
    shared.state.send_replace(State::Rebuilding(Arc::clone(session)));
    let consumed: Vec<watch::Receiver<ConsumerStatus>> = {
        let mut consumed = lock(&shared.consumed);
        consumed.retain(|consumed| consumed.has_changed().is_ok());
        consumed.clone()
    };
    let resumed = async {
        for mut progress in consumed {
            // A queue that cannot be consumed is tried again and again; the others need not wait for it.
            let _ = progress.wait_for(|progress| progress.tried >= session.generation).await;
        }
    };
    let _ = session.while_alive(timeout(RESUME_TIMEOUT, resumed)).await;
    if let Some(Err(failure)) = session.while_alive(replies::start(session, &shared.tasks)).await {
        session.fail(failure.reason());
    }
    if !session.is_lost() {
        shared.state.send_replace(State::Ready(Arc::clone(session)));
    }
}

/// Lets go of a lost session and ends its calls.
fn give_up(shared: &Shared, session: &Arc<Session>) {
    shared.state.send_replace(State::Disconnected);
    session.pending.fail_all();
    tracing::warn!("the connection to {} is lost: {}. Connecting again", session.address, session.reason());
    let session = Arc::clone(session);
    shared.tasks.spawn(async move { session.close().await });
}

async fn close(shared: &Shared, session: &Session) {
    // They give back what they hold.
    shared.consumers.close();
    let _ = timeout(OPERATION_TIMEOUT, shared.consumers.wait()).await;
    shared.state.send_replace(State::Closed);
    session.pending.fail_all();
    session.close().await;
}
