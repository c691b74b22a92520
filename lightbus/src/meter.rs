//! Counts and records what this process sends and what reaches it.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use smol_str::SmolStr;
use tokio::time::Instant;
use tracing::Span;

use crate::context::Context;
use crate::protocol::message::full_name;
use crate::protocol::text::truncate;
use crate::recorder::{Entry, Next, RecordKind, Recorder};
use crate::runtime::sync::lock;
use crate::span::{self, Side};
use crate::stats::{Counters, MessageStats, Outcome, Stats};

/// The longest text of an error that is kept, in bytes.
const LONGEST_ERROR: usize = 200;

/// All meters of a process.
#[derive(Debug)]
pub(crate) struct Meters {
    since: SystemTime,
    recorder: Arc<Recorder>,
    groups: Mutex<Vec<Arc<MeterGroup>>>,
    /// Those of subscriptions and of published events.
    single: Mutex<Vec<Arc<Meter>>>,
}

/// The meters of an API's methods, each made once it is needed.
#[derive(Debug)]
pub(crate) struct MeterGroup {
    kind: RecordKind,
    api: &'static str,
    methods: Vec<&'static str>,
    /// One for each method, and one for all methods that the API does not have.
    meters: Box<[OnceLock<Arc<Meter>>]>,
    recorder: Arc<Recorder>,
}

/// Counts one method, one event or one subscription in one direction.
#[derive(Debug)]
pub(crate) struct Meter {
    kind: RecordKind,
    /// Empty for a subscription.
    api: SmolStr,
    /// The method, the event or the subscription.
    name: SmolStr,
    counters: Counters,
    recorder: Arc<Recorder>,
}

impl Meters {
    pub(crate) fn new(recorder_size: usize) -> Self {
        Self {
            since: SystemTime::now(),
            recorder: Arc::new(Recorder::new(recorder_size)),
            groups: Mutex::default(),
            single: Mutex::default(),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The meters of an API's methods. Clients are made often, so they share them.
    pub(crate) fn group(
        &self,
        kind: RecordKind,
        api: &'static str,
        methods: impl ExactSizeIterator<Item = &'static str> + Clone,
    ) -> Arc<MeterGroup> {
        let mut groups = lock(&self.groups);
        let same = |group: &&Arc<MeterGroup>| {
            group.kind == kind && group.api == api && group.methods.iter().copied().eq(methods.clone())
        };
        if let Some(group) = groups.iter().find(same) {
            return Arc::clone(group);
        }
        let group = Arc::new(MeterGroup {
            kind,
            api,
            meters: (0..=methods.len()).map(|_| OnceLock::new()).collect(),
            methods: methods.collect(),
            recorder: Arc::clone(&self.recorder),
        });
        groups.push(Arc::clone(&group));
        group
    }

    /// The meter of an event that this process publishes.
    pub(crate) fn published(&self, api: &'static str, event: &'static str) -> Arc<Meter> {
        self.single(RecordKind::EventPublished, SmolStr::new_static(api), SmolStr::new_static(event))
    }

    /// The meter of a subscription.
    pub(crate) fn handled(&self, subscription: SmolStr) -> Arc<Meter> {
        self.single(RecordKind::EventHandled, SmolStr::default(), subscription)
    }

    fn single(&self, kind: RecordKind, api: SmolStr, name: SmolStr) -> Arc<Meter> {
        let mut single = lock(&self.single);
        let same = |meter: &&Arc<Meter>| meter.kind == kind && meter.api == api && meter.name == name;
        if let Some(meter) = single.iter().find(same) {
            return Arc::clone(meter);
        }
        let meter = Arc::new(Meter::new(kind, api, name, &self.recorder));
        single.push(Arc::clone(&meter));
        meter
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats::empty(self.since);
        let groups = lock(&self.groups).clone();
        let of_groups = groups.iter().flat_map(|group| group.meters.iter().filter_map(OnceLock::get).cloned());
        let meters: Vec<_> = of_groups.chain(lock(&self.single).iter().cloned()).collect();
        for meter in meters {
            let (name, counted) = meter.snapshot();
            let side = match meter.kind {
                RecordKind::CallSent => &mut stats.called,
                RecordKind::CallServed => &mut stats.served,
                RecordKind::EventPublished => &mut stats.published,
                RecordKind::EventHandled | RecordKind::Unknown => &mut stats.handled,
            };
            side.entry(name).or_default().merge(&counted);
        }
        stats
    }
}

impl MeterGroup {
    /// The meter of a method.
    pub(crate) fn of(&self, method: &str) -> &Arc<Meter> {
        let found = self.methods.iter().position(|known| *known == method);
        let name = found.map_or("*", |place| self.methods[place]);
        self.meters[found.unwrap_or(self.methods.len())].get_or_init(|| {
            let (api, name) = (SmolStr::new_static(self.api), SmolStr::new_static(name));
            Arc::new(Meter::new(self.kind, api, name, &self.recorder))
        })
    }
}

impl Meter {
    fn new(kind: RecordKind, api: SmolStr, name: SmolStr, recorder: &Arc<Recorder>) -> Self {
        let counters = match kind {
            RecordKind::CallSent | RecordKind::EventPublished => Counters::of_sent(),
            _ => Counters::of_received(),
        };
        Self { kind, api, name, counters, recorder: Arc::clone(recorder) }
    }

    fn snapshot(&self) -> (String, MessageStats) {
        let name = if self.api.is_empty() { self.name.to_string() } else { full_name(&self.api, &self.name) };
        (name, self.counters.snapshot())
    }

    /// This process is about to send a message.
    pub(crate) fn send(self: Arc<Self>, cause: Option<Context>, started: Instant) -> Sending {
        self.counters.start();
        let span = match self.kind {
            RecordKind::EventPublished => span::publish(&self.api, &self.name),
            _ => span::call(&self.api, &self.name),
        };
        Sending { meter: Some(self), id: SmolStr::default(), cause, started, span }
    }

    /// A message has reached this process.
    pub(crate) fn receive(self: Arc<Self>) -> Received {
        self.counters.arrive();
        Received { meter: Some(self), arrived: Instant::now(), started: None, span: Span::none() }
    }

    fn record(&self, entry: Entry) {
        if let Some(error) = &entry.error {
            self.counters.fail(entry.started + entry.lasted, entry.id.clone(), entry.outcome, error.clone());
        }
        self.recorder.push(entry);
    }
}

/// A message that this process is sending. Dropping it means that the application did not wait for the end.
#[derive(Debug)]
pub(crate) struct Sending {
    /// `None` once it has ended.
    meter: Option<Arc<Meter>>,
    id: SmolStr,
    cause: Option<Context>,
    started: Instant,
    span: Span,
}

impl Sending {
    /// A message that is not counted.
    pub(crate) fn uncounted() -> Self {
        Self { meter: None, id: SmolStr::default(), cause: None, started: Instant::now(), span: Span::none() }
    }

    /// What it takes to send the message happens in this span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The message has this id.
    pub(crate) fn has_id(&mut self, id: &SmolStr) {
        self.span.record("messaging.message.id", &**id);
        self.id = id.clone();
    }

    /// It has ended, with an error if it failed.
    pub(crate) fn end(&mut self, outcome: Outcome, error: Option<&str>) {
        let Some(meter) = self.meter.take() else { return };
        span::end(&self.span, Side::Sent, outcome, error);
        let ended = Instant::now();
        meter.counters.end(self.started, ended, outcome);
        meter.record(Entry {
            kind: meter.kind,
            id: std::mem::take(&mut self.id),
            api: meter.api.clone(),
            member: meter.name.clone(),
            subscription: SmolStr::default(),
            sender: SmolStr::default(),
            cause: self.cause.take().as_ref().map(Into::into),
            started: self.started,
            waited: Duration::ZERO,
            lasted: ended.saturating_duration_since(self.started),
            attempt: 1,
            outcome,
            error: shortened(outcome, error),
            next: None,
        });
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.end(Outcome::Dropped, None);
    }
}

/// A message that has reached this process. Dropping it means that this process does not handle it.
#[derive(Debug)]
pub(crate) struct Received {
    /// `None` once it has ended.
    meter: Option<Arc<Meter>>,
    arrived: Instant,
    started: Option<Instant>,
    span: Span,
}

/// What was handled, and how that ended.
#[derive(Debug)]
pub(crate) struct Handled<'m> {
    pub(crate) id: &'m SmolStr,
    pub(crate) api: &'m SmolStr,
    pub(crate) member: &'m SmolStr,
    pub(crate) sender: &'m SmolStr,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<&'m str>,
    pub(crate) next: Option<Next>,
}

impl Received {
    /// A message that is not counted.
    pub(crate) fn uncounted() -> Self {
        Self { meter: None, arrived: Instant::now(), started: None, span: Span::none() }
    }

    /// Its handler starts.
    pub(crate) fn start(&mut self, now: Instant) {
        self.started = Some(now);
        if let Some(meter) = &self.meter {
            meter.counters.start_after(now.saturating_duration_since(self.arrived));
        }
    }

    /// Its handler runs in this span, unless the message is not counted.
    pub(crate) fn in_span(&mut self, span: impl FnOnce() -> Span) -> Span {
        if self.meter.is_some() {
            self.span = span();
        }
        self.span.clone()
    }

    /// It was handled, as well as that went.
    pub(crate) fn end(mut self, handled: &Handled<'_>) {
        let Some(meter) = self.meter.take() else { return };
        span::end(&self.span, Side::Received, handled.outcome, handled.error);
        let (ended, started) = (Instant::now(), self.started.unwrap_or(self.arrived));
        meter.counters.end(started, ended, handled.outcome);
        meter.record(Entry {
            kind: meter.kind,
            id: handled.id.clone(),
            api: handled.api.clone(),
            member: handled.member.clone(),
            subscription: if meter.api.is_empty() { meter.name.clone() } else { SmolStr::default() },
            sender: handled.sender.clone(),
            cause: None,
            started,
            waited: started.saturating_duration_since(self.arrived),
            lasted: ended.saturating_duration_since(started),
            attempt: handled.attempt,
            outcome: handled.outcome,
            error: shortened(handled.outcome, handled.error),
            next: handled.next,
        });
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let Some(meter) = self.meter.take() else { return };
        match self.started {
            Some(started) => {
                span::end(&self.span, Side::Received, Outcome::Requeued, None);
                meter.counters.end(started, Instant::now(), Outcome::Requeued);
            }
            None => meter.counters.leave(),
        }
    }
}

/// The beginning of an error. `None` if all went well.
fn shortened(outcome: Outcome, error: Option<&str>) -> Option<Box<str>> {
    let error = error.unwrap_or_default();
    (!outcome.is_success()).then(|| truncate(error, LONGEST_ERROR).into())
}
