//! Makes calls.

use std::iter::repeat_with;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::completion::{CompletedCall, Completion};
use super::error::MessageKind;
use super::layered;
use super::prepared::PreparedCall;
use crate::context::Context;
use crate::layer::{BoxFuture, Layer, Layers};
use crate::protocol::message::{LONGEST_WAIT, Request};
use crate::protocol::name::ServiceName;
use crate::runtime::bus_runtime::BusRuntime;
use crate::runtime::sync::{Flag, lock};
use crate::transport::{CallOutcome, Transport};

/// Makes the calls of one process.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
    layers: Layers,
}

#[derive(Debug)]
struct Shared {
    settings: CallerSettings,
    transport: Arc<dyn Transport>,
    runtime: Arc<BusRuntime>,
    ids: CallIds,
    stopped_apis: StoppedApis,
    /// How many calls wait for their outcome.
    in_flight: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct CallerSettings {
    pub(crate) service: ServiceName,
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
    /// The headers that a handler's calls take over from what is handled.
    pub(crate) pass_on_headers: Arc<[SmolStr]>,
    /// What calls go through, unless a client adds more.
    pub(crate) layers: Layers,
}

impl Caller {
    pub(crate) fn new(settings: CallerSettings, transport: Arc<dyn Transport>, runtime: Arc<BusRuntime>) -> Self {
        Self {
            layers: settings.layers.clone(),
            shared: Arc::new(Shared {
                settings,
                transport,
                runtime,
                ids: CallIds::new(),
                stopped_apis: StoppedApis::default(),
                in_flight: AtomicUsize::new(0),
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// Adds a layer to the calls that are made with this caller.
    pub(crate) fn add_layer(&mut self, layer: impl Layer) {
        self.layers.add(layer);
    }

    /// An id that no other call has.
    pub(super) fn next_id(&self) -> SmolStr {
        self.shared.ids.next()
    }

    pub(super) fn max_message_size(&self) -> usize {
        self.shared.settings.max_message_size
    }

    /// How many calls are waiting for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Refuses every further call.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
    }

    /// This process serves an API from now on.
    pub(crate) fn start_serving(&self, api: &str) {
        self.shared.stopped_apis.remove(api);
    }

    /// This process takes no more calls of an API that it has served. `ended` is set once the broker sends none any more.
    pub(crate) fn stop_serving(&self, api: &str, ended: &Flag) {
        self.shared.stopped_apis.add(api, ended);
    }

    /// Makes a call and waits for its end, whatever its types.
    pub(crate) async fn call(self, mut call: PreparedCall) -> CompletedCall {
        let (api, method) = (call.api, call.method);
        let _in_flight = InFlight::new(&self.shared.in_flight);
        call.context = call.context.or_else(Context::current);
        let (timeout, now) = (self.timeout(&call), Instant::now());
        let deadline = now + timeout;
        let mut sending = Arc::clone(&call.meter).send(call.context.clone(), now);
        let layered = (!self.layers.is_empty()).then(|| (call.idempotent, call.context.clone()));
        let completion = match self.request(call, deadline) {
            Ok(request) => {
                sending.has_id(&request.id);
                let exchanged = match layered {
                    None => {
                        let exchange = self.exchange(request, deadline).instrument(sending.span().clone());
                        self.shared.runtime.run(pin!(exchange)).await
                    }
                    Some((idempotent, context)) => {
                        // Boxed, so that calls without layers carry no room for this.
                        let layered = layered::call(&self.layers, &self, request, idempotent, deadline)
                            .instrument(sending.span().clone());
                        let mut layered: BoxFuture<'_, _> = match context {
                            Some(context) => Box::pin(context.scope(layered)),
                            None => Box::pin(layered),
                        };
                        self.shared.runtime.run(Pin::new(&mut layered)).await
                    }
                };
                exchanged.unwrap_or(Completion::RuntimeEnded { sent: true })
            }
            Err(completion) => completion,
        };
        CompletedCall { api, method, timeout, completion, sending }
    }

    fn timeout(&self, call: &PreparedCall) -> Duration {
        let wanted = call.timeout.or(call.method_timeout).unwrap_or(self.shared.settings.timeout).min(LONGEST_WAIT);
        let left = call.context.as_ref().and_then(Context::time_left);
        left.map_or(wanted, |left| left.min(wanted))
    }

    fn request(&self, call: PreparedCall, deadline: Instant) -> Result<Box<Request>, Completion> {
        let CallerSettings { service, max_message_size: limit, pass_on_headers, .. } = &self.shared.settings;
        if self.shared.closed.load(Ordering::SeqCst) {
            return Err(Completion::Closed);
        }
        if self.shared.runtime.has_ended() {
            return Err(Completion::RuntimeEnded { sent: false });
        }
        if call.timeout == Some(Duration::ZERO) {
            return Err(Completion::ZeroTimeout);
        }
        if call.context.as_ref().and_then(Context::time_left).is_some_and(|left| left.is_zero()) {
            return Err(Completion::NoTimeLeft);
        }
        let payload = call.arguments.map_err(Completion::Unencodable)?;
        let size = payload.bytes.len();
        if size > *limit {
            return Err(Completion::TooLarge { what: MessageKind::Request, size, limit: *limit });
        }
        let headers = call.headers.finish(pass_on_headers, call.context.as_ref().map(Context::headers));
        let headers = headers.map_err(Completion::InvalidHeader)?;
        Ok(Box::new(Request {
            id: self.shared.ids.next(),
            api: SmolStr::new_static(call.api),
            method: SmolStr::new_static(call.method),
            caller: service.text(),
            deadline: Some(deadline),
            payload,
            trace: call.trace.or_else(|| call.context.and_then(|context| context.trace().cloned().map(Box::new))),
            headers,
        }))
    }

    /// Sends the request and waits for what comes of it.
    pub(super) async fn exchange(&self, request: Box<Request>, deadline: Instant) -> Completion {
        let limit = self.shared.settings.max_message_size;
        if let Some(ended) = self.shared.stopped_apis.find(&request.api)
            && Box::pin(self.nobody_serves(&request.api, &ended, deadline)).await
        {
            return Completion::Outcome(CallOutcome::NoServer);
        }
        match self.shared.transport.call(request, deadline).await {
            CallOutcome::Reply(reply) if reply.payload.bytes.len() > limit => {
                Completion::TooLarge { what: MessageKind::Reply, size: reply.payload.bytes.len(), limit }
            }
            outcome => Completion::Outcome(outcome),
        }
    }

    /// Whether nobody serves an API that this process has stopped serving. Its queue outlives its last server for a while, and
    /// a call would wait there in vain.
    async fn nobody_serves(&self, api: &str, ended: &Flag, deadline: Instant) -> bool {
        let servers = async {
            ended.wait().await;
            self.shared.transport.servers(api).await
        };
        matches!(timeout_at(deadline, servers).await, Ok(Some(0)))
    }
}

/// The ids of the calls of a process, which no other process gives out.
#[derive(Debug)]
struct CallIds {
    prefix: SmolStr,
    next: AtomicU64,
}

impl CallIds {
    fn new() -> Self {
        let prefix = repeat_with(fastrand::alphanumeric).take(8).chain(['-']).collect();
        Self { prefix, next: AtomicU64::new(0) }
    }

    fn next(&self) -> SmolStr {
        format_smolstr!("{}{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// The APIs that this process has served and takes no more calls of.
#[derive(Debug, Default)]
struct StoppedApis {
    /// Spares calls the lock while there are none.
    any: AtomicBool,
    apis: Mutex<FxHashMap<SmolStr, Flag>>,
}

impl StoppedApis {
    fn add(&self, api: &str, ended: &Flag) {
        let mut apis = lock(&self.apis);
        apis.insert(api.into(), ended.clone());
        self.any.store(true, Ordering::SeqCst);
    }

    fn remove(&self, api: &str) {
        let mut apis = lock(&self.apis);
        apis.remove(api);
        self.any.store(!apis.is_empty(), Ordering::SeqCst);
    }

    fn find(&self, api: &str) -> Option<Flag> {
        self.any.load(Ordering::Relaxed).then(|| lock(&self.apis).get(api).cloned()).flatten()
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
