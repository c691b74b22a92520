//! Keeps a session open: connects, watches, and connects again, until the transport is closed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::BusUrl;
use crate::duration::shown;
use crate::error::Error;
use crate::runtime::sync::lock;
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::clock::ClockCheck;
use crate::transport::amqp::connection::Identity;
use crate::transport::amqp::connection::availability::Availability;
use crate::transport::amqp::connection::lifeline::Generation;
use crate::transport::amqp::connection::watchdog::SilenceLimit;
use crate::transport::amqp::consume::channel_limit::ChannelLimit;
use crate::transport::amqp::consume::connection::ConsumeSide;
use crate::transport::amqp::consume::status::ConsumerStatus;
use crate::transport::amqp::errors::{Diagnosis, OPERATION_TIMEOUT};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::repeat_log::RepeatLog;
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::connect_report::ConnectReport;
use crate::transport::amqp::session::hosts::{self, Hosts};
use crate::transport::amqp::session::watch::watch;
use crate::transport::amqp::topology::Topology;

/// How long calls and events of this process wait for its queues to be consumed again.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);

/// What the supervisor shares with the transport.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Where the bus is, for people to read.
    pub(crate) url: BusUrl,
    pub(crate) identity: Arc<Identity>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) channel_limit: Arc<ChannelLimit>,
    /// Available once queues can be consumed.
    pub(crate) consuming: watch::Sender<Availability<ConsumeSide>>,
    /// Available once everything works: queues are consumed, and replies can arrive.
    pub(crate) ready: watch::Sender<Availability<PublishSide>>,
    /// The queues that are consumed.
    pub(crate) consumed: Mutex<Vec<watch::Receiver<ConsumerStatus>>>,
    /// The tasks that consume them.
    pub(crate) consumers: TaskTracker,
    /// Ends everything.
    pub(crate) shutdown: CancellationToken,
    /// The tasks of the sessions, and the supervisor's own.
    pub(crate) tasks: TaskTracker,
}

/// Makes the first connection within `limit`.
///
/// # Errors
///
/// If no host accepts a connection in time, or tokio's clock is paused.
pub(crate) async fn first_session(shared: &Shared, hosts: &mut Hosts, limit: Duration) -> Result<Session, Error> {
    let (begun, clock) = (Instant::now(), ClockCheck::start());
    let (mut backoff, mut log) = (Backoff::new(), RepeatLog::default());
    let mut rounds = 0;
    loop {
        let most = hosts.limit(rounds);
        let time = |untried| hosts::share(most, limit.saturating_sub(begun.elapsed()), untried);
        let outcome = round(shared, hosts, Generation(1), &mut log, time).await;
        if clock.is_paused() {
            if let Ok(session) = outcome {
                session.close().await;
            }
            return Err(Error::PausedClock { url: shared.url.to_string() });
        }
        let report = match outcome {
            Ok(session) => return Ok(session),
            Err(report) => report,
        };
        let left = limit.saturating_sub(begun.elapsed());
        if report.is_final() || left.is_zero() {
            return Err(report.into_error(&shared.url, begun.elapsed()));
        }
        let delay = backoff.delay().min(left);
        tracing::debug!("trying to connect to {} again in {}", shared.url, shown(delay));
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
) -> Result<Session, ConnectReport> {
    let Shared { identity, topology, channel_limit, tasks, .. } = shared;
    let mut report = ConnectReport::default();
    for untried in (1..=hosts.count()).rev() {
        let address = hosts.take_next();
        match Session::open(identity, topology, channel_limit, &address, generation, tasks, time(untried)).await {
            Ok(session) => return Ok(session),
            Err(failure) => {
                let Diagnosis { reason, advice, .. } = failure.diagnosis();
                let problem = format!("{reason}. {advice}");
                if let Some(line) = log.line(&format!("cannot connect to {address}"), problem) {
                    tracing::warn!("{line}");
                }
                report.add(&address, failure);
            }
        }
        if report.is_final() {
            break;
        }
    }
    Err(report)
}

/// Keeps a session open until the shutdown.
pub(crate) async fn run(shared: Arc<Shared>, mut hosts: Hosts, first: Session) {
    let (mut backoff, mut limit) = (Backoff::new(), SilenceLimit::new());
    let mut session = first;
    loop {
        let begun = Instant::now();
        let working = async { tokio::join!(resume(&shared, &session), watch(&session, limit)) };
        shared.shutdown.run_until_cancelled(working).await;
        if shared.shutdown.is_cancelled() {
            return close(&shared, &session).await;
        }
        let (lost, generation) = (Instant::now(), Generation(session.lifeline.generation.0 + 1));
        backoff.succeeded_for(begun.elapsed());
        limit.adapt(begun.elapsed(), session.lifeline.fell_silent());
        give_up(&shared, session);
        let connecting = reconnect(&shared, &mut hosts, generation, &mut backoff);
        let Some(next) = shared.shutdown.run_until_cancelled(connecting).await else {
            return announce_closed(&shared);
        };
        session = next;
        tracing::info!("connected again, to {}, after {}", session.address, shown(lost.elapsed()));
    }
}

async fn reconnect(shared: &Shared, hosts: &mut Hosts, generation: Generation, backoff: &mut Backoff) -> Session {
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

/// Consumes the queues that were consumed before, then receives replies, then lets calls and events out.
async fn resume(shared: &Shared, session: &Session) {
    let Session { lifeline, publish, consume, .. } = session;
    shared.consuming.send_replace(Availability::Available(Arc::clone(consume)));
    let consumed: Vec<watch::Receiver<ConsumerStatus>> = {
        let mut consumed = lock(&shared.consumed);
        // The sender of a task that has ended is gone.
        consumed.retain(|status| status.has_changed().is_ok());
        consumed.clone()
    };
    let resumed = async {
        for mut status in consumed {
            // A queue that cannot be consumed is tried again and again. The others do not wait for it.
            let _ = status.wait_for(|status| status.tried >= lifeline.generation).await;
        }
    };
    let _ = lifeline.while_alive(timeout(RESUME_TIMEOUT, resumed)).await;
    if let Some(Err(failure)) = lifeline.while_alive(publish.calls.receive_replies(&shared.tasks)).await {
        lifeline.fail(failure.reason());
    }
    if !lifeline.is_lost() {
        shared.ready.send_replace(Availability::Available(Arc::clone(publish)));
    }
}

/// Gives a lost session up. Its calls end, and no further one is registered on it.
fn give_up(shared: &Shared, session: Session) {
    shared.ready.send_replace(Availability::Pending);
    shared.consuming.send_replace(Availability::Pending);
    session.publish.calls.fail_all();
    let reason = session.lifeline.reason();
    tracing::warn!("the connection to {} is lost: {reason}. Connecting again", session.address);
    shared.tasks.spawn(async move { session.close().await });
}

async fn close(shared: &Shared, session: &Session) {
    // The consumers requeue what they hold.
    shared.consumers.close();
    let _ = timeout(OPERATION_TIMEOUT, shared.consumers.wait()).await;
    announce_closed(shared);
    session.publish.calls.fail_all();
    session.close().await;
}

fn announce_closed(shared: &Shared) {
    shared.ready.send_replace(Availability::Closed);
    shared.consuming.send_replace(Availability::Closed);
}
