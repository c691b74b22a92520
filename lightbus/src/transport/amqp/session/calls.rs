//! Calls: sends requests without confirms and waits for their outcomes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::options::BasicPublishOptions;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};

use crate::protocol::message::Request;
use crate::transport::CallOutcome;
use crate::transport::amqp::errors::{OperationError, reason};
use crate::transport::amqp::message::properties::{of_request, short};
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::state::State;
use crate::transport::amqp::session::supervisor::Shared;
use crate::transport::amqp::topology::{declare, default_exchange};

/// How long it may take to find out how many processes serve an API.
const INSPECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends a request on the connection that works, or on the next one, and waits for its outcome.
pub(crate) async fn call(shared: &Shared, mut request: Request, deadline: Instant) -> CallOutcome {
    loop {
        let session = match working_session(shared, deadline).await {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        match session.exchange(request, deadline).await {
            Ok(outcome) => return outcome,
            // The connection is gone. Its supervisor needs a turn to replace it.
            Err(unsent) if Instant::now() < deadline => request = *unsent,
            Err(_) => return CallOutcome::NotConnected,
        }
        yield_now().await;
    }
}

async fn working_session(shared: &Shared, deadline: Instant) -> Result<Arc<Session>, CallOutcome> {
    if let Some(session) = shared.state.borrow().ready() {
        return Ok(Arc::clone(session));
    }
    let mut state = shared.state.subscribe();
    let working = shared.shutdown.run_until_cancelled(State::working(&mut state));
    match timeout_at(deadline, working).await {
        Ok(Some(Some(session))) => Ok(session),
        Ok(_) => Err(CallOutcome::Closed),
        Err(_) => Err(CallOutcome::NotConnected),
    }
}

/// Counts the processes that serve an API. Returns `None` when the broker does not say.
pub(crate) async fn servers(shared: &Shared, api: &str) -> Option<u32> {
    let session = shared.state.borrow().ready().cloned()?;
    session.servers(&session.plan.topology.rpc_queue(api)).await
}

impl Session {
    /// Sends a request and waits for its outcome. Gives the request back when it could not leave on this connection.
    async fn exchange(&self, mut request: Request, deadline: Instant) -> Result<CallOutcome, Box<Request>> {
        let queue = self.plan.topology.rpc_queue(&request.api);
        if self.plan.topology.has_quorum_rpc_queues() && !self.readiness.contains(&queue) {
            let ready = self.while_alive(self.readiness.wait(&self.publishing, &queue));
            if timeout_at(deadline, ready).await.is_err() {
                return Ok(CallOutcome::DeadlineExceeded { servers: self.servers(&queue).await });
            }
        }
        let Some(mut pending) = self.pending.register() else { return Err(Box::new(request)) };
        request.id = pending.id();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (body, properties) = (&request.payload.bytes, of_request(&request, Instant::now()));
        // lapin queues the frames at the first poll; the rest of the future waits until they are written.
        let sent = self.calls.basic_publish(default_exchange(), short(&*queue), options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            self.fail(reason(&error));
            drop(pending);
            return Err(Box::new(request));
        }
        self.called.notify_one();
        match timeout_at(deadline, pending.outcome()).await {
            Ok(outcome) => Ok(outcome),
            Err(_) => Ok(CallOutcome::DeadlineExceeded { servers: self.servers(&queue).await }),
        }
    }

    /// Counts the processes that consume a queue of calls. Returns `None` when the broker does not say.
    async fn servers(&self, queue: &str) -> Option<u32> {
        if self.hidden.contains(queue) {
            return None;
        }
        let found = timeout(INSPECT_TIMEOUT, declare::inspect(&self.publishing, queue)).await.ok()?;
        if found.as_ref().is_err_and(OperationError::is_access_refused) {
            self.hidden.add(queue);
        }
        Some(found.ok()?.map_or(0, |queue| queue.consumer_count()))
    }
}
