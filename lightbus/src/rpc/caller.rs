//! Makes calls.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::{Instant, timeout_at};

use super::ending::{Ended, Ending};
use super::error::{MessageKind, Servers};
use super::in_flight::{Arrival, InFlight};
use super::prepared::PreparedCall;
use crate::context::Context;
use crate::protocol::message::{LONGEST_WAIT, Request};
use crate::protocol::name::ServiceName;
use crate::runtime::sync::Flag;
use crate::transport::{Generation, NotSent, Transport, WhyNotSent};

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
    closed: Flag,
}

#[derive(Debug)]
pub(crate) struct CallerSettings {
    pub(crate) service: ServiceName,
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
}

impl Caller {
    pub(crate) fn new(settings: CallerSettings, transport: Arc<dyn Transport>, in_flight: Arc<InFlight>) -> Self {
        Self { shared: Arc::new(Shared { settings, transport, in_flight, closed: Flag::default() }) }
    }

    /// How many calls are waiting for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.in_flight.len()
    }

    /// Refuses every further call.
    pub(crate) fn close(&self) {
        self.shared.closed.set();
    }

    /// Makes a call and waits for its end, whatever its types.
    ///
    /// An `async fn` would store its parameters twice, here and below; every call is boxed with all of it, and small boxes are
    /// much cheaper to have.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    pub(crate) fn call(self, mut call: PreparedCall) -> impl Future<Output = Ended> + Send {
        async move {
            let (api, method) = (call.api, call.method);
            call.context = call.context.or_else(Context::current);
            let timeout = self.timeout(&call);
            let deadline = Instant::now() + timeout;
            let request = match self.request(call, deadline) {
                Ok(request) => request,
                Err(ending) => return Ended { api, method, timeout, ending },
            };
            let ending = self.exchange(api, deadline, request).await;
            Ended { api, method, timeout, ending }
        }
    }

    fn timeout(&self, call: &PreparedCall) -> Duration {
        let wanted = call.timeout.or(call.method_timeout).unwrap_or(self.shared.settings.timeout).min(LONGEST_WAIT);
        let left = call.context.as_ref().and_then(Context::time_left);
        left.map_or(wanted, |left| left.min(wanted))
    }

    fn request(&self, call: PreparedCall, deadline: Instant) -> Result<Request, Ending> {
        let CallerSettings { service, max_message_size: limit, .. } = &self.shared.settings;
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

    /// Sends the request, on the next connection if it could not leave on this one, and waits for what comes of it.
    #[allow(clippy::manual_async_fn, reason = "as for `call`")]
    fn exchange(
        &self,
        api: &'static str,
        deadline: Instant,
        mut request: Request,
    ) -> impl Future<Output = Ending> + Send {
        async move {
            let Shared { transport, in_flight, closed, .. } = &*self.shared;
            loop {
                if closed.is_set() {
                    return Ending::Closed;
                }
                let generation = match transport.generation() {
                    Some(generation) => generation,
                    None => match Box::pin(self.connected(deadline)).await {
                        Ok(generation) => generation,
                        Err(ending) => return ending,
                    },
                };
                let mut pending = in_flight.register(generation);
                request.id = pending.id();
                match transport.call(generation, request) {
                    Ok(()) => {
                        // The timer costs more than to look twice.
                        if transport.is_in_process()
                            && let Some(arrival) = pending.arrived_in_a_turn().await
                        {
                            return self.ending(arrival);
                        }
                        let arrival = timeout_at(deadline, pending.arrival()).await;
                        drop(pending);
                        return match arrival {
                            Ok(arrival) => self.ending(arrival),
                            Err(_) => Ending::TimedOut(self.servers(api).await),
                        };
                    }
                    Err(NotSent { why, request: unsent }) => {
                        drop(pending);
                        request = *unsent;
                        if let Err(ending) = Box::pin(self.wait_to_send(why, generation, api, deadline)).await {
                            return ending;
                        }
                    }
                }
            }
        }
    }

    async fn connected(&self, deadline: Instant) -> Result<Generation, Ending> {
        let Shared { transport, closed, .. } = &*self.shared;
        match timeout_at(deadline, closed.until_set(transport.connected())).await {
            Ok(Some(generation)) => Ok(generation),
            Ok(None) => Err(Ending::Closed),
            Err(_) => Err(Ending::NotConnected),
        }
    }

    /// Waits until it is worth trying again to send a request.
    async fn wait_to_send(
        &self,
        why: WhyNotSent,
        generation: Generation,
        api: &str,
        deadline: Instant,
    ) -> Result<(), Ending> {
        match why {
            WhyNotSent::Lost if Instant::now() >= deadline => Err(Ending::NotConnected),
            WhyNotSent::Lost => {
                // That connection is being given up; let whoever does that go on.
                tokio::task::yield_now().await;
                Ok(())
            }
            WhyNotSent::NotReached => match timeout_at(deadline, self.shared.transport.reach(generation, api)).await {
                Ok(()) => Ok(()),
                Err(_) => Err(Ending::TimedOut(self.servers(api).await)),
            },
        }
    }

    fn ending(&self, arrival: Arrival) -> Ending {
        let limit = self.shared.settings.max_message_size;
        match arrival {
            Arrival::Reply(reply) if reply.payload.bytes.len() > limit => {
                Ending::TooLarge { what: MessageKind::Reply, size: reply.payload.bytes.len(), limit }
            }
            Arrival::Reply(reply) => Ending::Reply(reply),
            Arrival::Unroutable => Ending::Unroutable,
            Arrival::Lost => Ending::Lost,
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
