//! Makes calls.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::ending::{Ended, Ending};
use super::error::{CallError, Oversized, Servers};
use super::in_flight::{Arrival, InFlight};
use super::prepared::{Decode, PreparedCall};
use crate::context::Context;
use crate::message::{LONGEST_WAIT, Request};
use crate::name::ServiceName;
use crate::transport::{NotSent, Transport, WhyNotSent};

/// Makes the calls of one process.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: CallerSettings,
    transport: Arc<dyn Transport>,
    in_flight: Arc<InFlight>,
    closed: CancellationToken,
}

#[derive(Debug)]
pub(crate) struct CallerSettings {
    pub(crate) service: ServiceName,
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
}

impl Caller {
    pub(crate) fn new(settings: CallerSettings, transport: Arc<dyn Transport>, in_flight: Arc<InFlight>) -> Self {
        Self { shared: Arc::new(Shared { settings, transport, in_flight, closed: CancellationToken::new() }) }
    }

    /// How many calls are waiting for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.in_flight.len()
    }

    /// Refuses every further call.
    pub(crate) fn close(&self) {
        self.shared.closed.cancel();
    }

    pub(crate) async fn call<T, E>(&self, call: PreparedCall, decode: Decode<T, E>) -> Result<T, CallError<E>> {
        self.end(call).await.into_result(&decode)
    }

    /// Makes a call and waits for its end, whatever its types.
    async fn end(&self, call: PreparedCall) -> Ended {
        let context = call.context.or_else(Context::current);
        let wanted = call.timeout.or(call.method_timeout).unwrap_or(self.shared.settings.timeout).min(LONGEST_WAIT);
        let timeout = context.as_ref().and_then(Context::time_left).map_or(wanted, |left| left.min(wanted));
        let (api, method) = (call.api, call.method);
        let ended = |ending| Ended { api, method, timeout, ending };

        let limit = self.shared.settings.max_message_size;
        let payload = match call.arguments {
            Ok(payload) if payload.bytes.len() <= limit => payload,
            Ok(payload) => {
                return ended(Ending::TooLarge { what: Oversized::Request, size: payload.bytes.len(), limit });
            }
            Err(error) => return ended(Ending::Unencodable(error)),
        };
        let deadline = Instant::now() + timeout;
        let request = Request {
            id: SmolStr::default(),
            api: SmolStr::new_static(api),
            method: SmolStr::new_static(method),
            caller: self.shared.settings.service.text(),
            deadline: Some(deadline),
            payload,
            trace: call.trace.or_else(|| context.and_then(|context| context.trace().cloned())),
        };
        ended(self.exchange(api, deadline, request).await)
    }

    /// Sends the request, on the next connection if it could not leave on this one, and waits for what comes of it.
    async fn exchange(&self, api: &str, deadline: Instant, mut request: Request) -> Ending {
        let Shared { transport, in_flight, closed, settings } = &*self.shared;
        loop {
            if closed.is_cancelled() {
                return Ending::Closed;
            }
            let generation = match transport.generation() {
                Some(generation) => generation,
                None => {
                    let connected = closed.run_until_cancelled(transport.connected());
                    match timeout_at(deadline, connected).await {
                        Ok(Some(generation)) => generation,
                        Ok(None) => return Ending::Closed,
                        Err(_) => return Ending::NotConnected,
                    }
                }
            };
            let mut ticket = in_flight.register(generation);
            request.id = ticket.id();
            match transport.call(generation, request) {
                Ok(()) => {}
                Err(NotSent { why: WhyNotSent::Lost, .. }) if Instant::now() >= deadline => {
                    return Ending::NotConnected;
                }
                Err(NotSent { why: WhyNotSent::Lost, request: unsent }) => {
                    request = *unsent;
                    // That connection is being given up; let whoever does that go on.
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(NotSent { why: WhyNotSent::NotReached, request: unsent }) => {
                    request = *unsent;
                    if timeout_at(deadline, transport.reach(generation, api)).await.is_err() {
                        return Ending::TimedOut(self.servers(api).await);
                    }
                    continue;
                }
            }
            return match timeout_at(deadline, ticket.arrival()).await {
                Ok(Arrival::Reply(reply)) if reply.payload.bytes.len() > settings.max_message_size => {
                    let (size, limit) = (reply.payload.bytes.len(), settings.max_message_size);
                    Ending::TooLarge { what: Oversized::Reply, size, limit }
                }
                Ok(Arrival::Reply(reply)) => Ending::Reply(reply),
                Ok(Arrival::Unroutable) => Ending::Unroutable,
                Ok(Arrival::Lost) => Ending::Lost,
                Err(_) => {
                    drop(ticket);
                    Ending::TimedOut(self.servers(api).await)
                }
            };
        }
    }

    async fn servers(&self, api: &str) -> Servers {
        match self.shared.transport.servers(api).await {
            Some(0) => Servers::None,
            Some(count) => Servers::Running(count),
            None => Servers::Unknown,
        }
    }
}
