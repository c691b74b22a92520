//! Makes calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::ending::{Ended, Ending};
use super::error::MessageKind;
use super::prepared::PreparedCall;
use crate::context::Context;
use crate::protocol::message::{LONGEST_WAIT, Request};
use crate::protocol::name::ServiceName;
use crate::transport::{CallOutcome, Transport};

/// Makes the calls of one process.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: CallerSettings,
    transport: Arc<dyn Transport>,
    /// How many calls wait for their outcome.
    in_flight: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct CallerSettings {
    pub(crate) service: ServiceName,
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
}

impl Caller {
    pub(crate) fn new(settings: CallerSettings, transport: Arc<dyn Transport>) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                transport,
                in_flight: AtomicUsize::new(0),
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// How many calls are waiting for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Refuses every further call.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
    }

    /// Makes a call and waits for its end, whatever its types.
    pub(crate) async fn call(self, mut call: PreparedCall) -> Ended {
        let (api, method) = (call.api, call.method);
        let _in_flight = InFlight::new(&self.shared.in_flight);
        call.context = call.context.or_else(Context::current);
        let timeout = self.timeout(&call);
        let deadline = Instant::now() + timeout;
        let ending = match self.request(call, deadline) {
            Ok(request) => self.exchange(request, deadline).await,
            Err(ending) => ending,
        };
        Ended { api, method, timeout, ending }
    }

    fn timeout(&self, call: &PreparedCall) -> Duration {
        let wanted = call.timeout.or(call.method_timeout).unwrap_or(self.shared.settings.timeout).min(LONGEST_WAIT);
        let left = call.context.as_ref().and_then(Context::time_left);
        left.map_or(wanted, |left| left.min(wanted))
    }

    fn request(&self, call: PreparedCall, deadline: Instant) -> Result<Request, Ending> {
        let CallerSettings { service, max_message_size: limit, .. } = &self.shared.settings;
        if self.shared.closed.load(Ordering::SeqCst) {
            return Err(Ending::Closed);
        }
        let payload = call.arguments.map_err(Ending::Unencodable)?;
        let size = payload.bytes.len();
        if size > *limit {
            return Err(Ending::TooLarge { what: MessageKind::Request, size, limit: *limit });
        }
        Ok(Request {
            id: SmolStr::default(),
            api: SmolStr::new_static(call.api),
            method: SmolStr::new_static(call.method),
            caller: service.text(),
            deadline: Some(deadline),
            payload,
            trace: call.trace.or_else(|| call.context.and_then(|context| context.trace().cloned().map(Box::new))),
        })
    }

    /// Sends the request and waits for what comes of it.
    async fn exchange(&self, request: Request, deadline: Instant) -> Ending {
        let limit = self.shared.settings.max_message_size;
        match self.shared.transport.call(request, deadline).await {
            CallOutcome::Reply(reply) if reply.payload.bytes.len() > limit => {
                Ending::TooLarge { what: MessageKind::Reply, size: reply.payload.bytes.len(), limit }
            }
            outcome => Ending::Outcome(outcome),
        }
    }
}

/// Counts a call for as long as it waits.
struct InFlight<'c>(&'c AtomicUsize);

impl<'c> InFlight<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
