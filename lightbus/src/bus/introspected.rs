//! Answers questions about this process.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use serde_json::Value;

use super::facts::{Setup, SubscriptionSetup, milliseconds, whole_milliseconds};
use super::registry::RegisteredConsumer;
use super::{Bus, Inner};
use crate::api::{Api, ApiDescriptor};
use crate::builtin::{
    Info, Introspect, IntrospectApi, IntrospectServer, KnownApi, MAX_ANSWER, PROTOCOL, Ping, SchemaPage, ServedApi,
    ServedMethod, SubscriptionInfo, page,
};
use crate::health::{ConsumerHealth, ConsumerKind};
use crate::introspection::{Asker, Introspection};
use crate::layer::Layers;
use crate::recorder::{RecentFilter, Record};
use crate::rpc::{Server, ServerSettings};
use crate::runtime::handler_tasks::HandlerTasks;
use crate::stats::Stats;
use crate::transport::control::Respondent;

/// How many questions a process answers at a time.
const CONCURRENCY: u16 = 4;

/// A process that answers questions, for as long as the application holds its bus.
struct Introspected(Weak<Inner>);

impl Bus {
    /// Asks the processes on the bus about themselves: `bus.introspection().ping().await?`.
    ///
    /// On RabbitMQ that takes a permission which services do not need. [`introspection`](crate::introspection) says more.
    pub fn introspection(&self) -> Introspection {
        let inner = &self.inner;
        Introspection::new(Asker {
            service: inner.service.clone(),
            transport: Arc::clone(&inner.transport),
            runtime: Arc::clone(&inner.runtime),
            remembered: Arc::clone(&inner.remembered),
        })
    }

    /// The id of this process, `{service}@{host}:{pid}-{random}`. No other process has it, and no other bus in this process.
    #[must_use]
    pub fn process_id(&self) -> &str {
        &self.inner.facts.id
    }

    /// Starts to answer questions.
    pub(super) fn answer_questions(&self) {
        let inner = &self.inner;
        let settings = ServerSettings {
            service: inner.service.clone(),
            concurrency: CONCURRENCY,
            max_message_size: MAX_ANSWER,
            tasks: HandlerTasks::of_the_bus(Arc::clone(&inner.runtime)),
            meters: None,
            // Tools see a process whatever its layers refuse.
            layers: Layers::default(),
        };
        let server = Server::new(IntrospectServer::new(Introspected(Arc::downgrade(inner))), settings);
        let respondent = Respondent {
            api: IntrospectApi::DESCRIPTOR.name(),
            service: inner.service.text(),
            process: inner.facts.id.clone(),
        };
        inner.transport.answer_questions(respondent, Arc::new(server));
    }
}

impl Introspected {
    /// A bus that the application has dropped is about to leave.
    fn bus(&self) -> Option<Bus> {
        self.0.upgrade().map(|inner| Bus { inner })
    }
}

impl Introspect for Introspected {
    async fn ping(&self) -> Ping {
        self.bus().map(|bus| bus.describe()).unwrap_or_default()
    }

    async fn info(&self) -> Info {
        self.bus().map(|bus| bus.describe_fully()).unwrap_or_default()
    }

    async fn schema(&self, hash: String, from: u64) -> Option<SchemaPage> {
        let bus = self.bus()?;
        Some(page(&bus.inner.facts.schema(&hash, bus.apis())?, from))
    }

    async fn stats(&self) -> Stats {
        self.bus().map(|bus| bus.stats()).unwrap_or_default()
    }

    async fn recent(&self, filter: RecentFilter) -> Vec<Record> {
        self.bus().map(|bus| bus.recent(&filter)).unwrap_or_default()
    }
}

impl Bus {
    pub(super) fn describe(&self) -> Ping {
        let facts = &self.inner.facts;
        let health = self.health();
        let consumed = |kind| {
            let consumed = health.consumers.iter().filter(move |consumer| consumer.kind == kind && consumer.consuming);
            consumed.map(|consumer| consumer.name.clone()).collect()
        };
        Ping {
            process: facts.id.to_string(),
            service: self.inner.service.to_string(),
            host: facts.host.clone(),
            pid: std::process::id(),
            started_at_ms: milliseconds(facts.started),
            now_ms: milliseconds(SystemTime::now()),
            version: facts.version.clone(),
            lightbus: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            healthy: health.is_healthy(),
            serves: consumed(ConsumerKind::Api),
            subscriptions: consumed(ConsumerKind::Subscription),
            calls: facts.calls.all().into_iter().map(|api| api.name().to_owned()).collect(),
        }
    }

    pub(super) fn describe_fully(&self) -> Info {
        let facts = &self.inner.facts;
        let known = |apis: Vec<&'static ApiDescriptor>| apis.into_iter().map(|api| facts.known(api)).collect();
        let settings = match serde_json::to_value(&self.inner.settings) {
            Ok(Value::Object(settings)) => settings,
            _ => serde_json::Map::new(),
        };
        let mut info = Info {
            ping: self.describe(),
            publishes: known(facts.publishes.all()),
            calls: known(facts.calls.all()),
            settings,
            ..Info::default()
        };
        for registered in self.inner.registry.started() {
            let (Some(setup), Some(health)) = (registered.setup.get(), registered.health()) else { continue };
            match setup {
                Setup::Api { api, concurrency, prefetch } => {
                    let limits = (*concurrency, *prefetch);
                    info.serves.push(served(api, facts.known(api), limits, health));
                }
                Setup::Subscription(setup) => {
                    let api = setup.api.map(|api| facts.known(api));
                    info.subscriptions.push(subscription(&registered, setup, api, health));
                }
            }
        }
        info
    }

    /// The APIs of the events that this process subscribes to.
    pub(super) fn subscribed_apis(&self) -> BTreeSet<String> {
        let started = self.inner.registry.started();
        let apis = started.iter().filter_map(|registered| match registered.setup.get()? {
            Setup::Subscription(setup) => setup.api,
            Setup::Api { .. } => None,
        });
        apis.map(|api| api.name().to_owned()).collect()
    }

    /// The APIs that this process knows.
    pub(super) fn apis(&self) -> Vec<&'static ApiDescriptor> {
        let facts = &self.inner.facts;
        let mut apis = facts.publishes.all();
        apis.extend(facts.calls.all());
        for registered in self.inner.registry.started() {
            apis.extend(match registered.setup.get() {
                Some(Setup::Api { api, .. }) => Some(*api),
                Some(Setup::Subscription(setup)) => setup.api,
                None => None,
            });
        }
        apis
    }
}

fn served(api: &ApiDescriptor, known: KnownApi, limits: (u16, u16), health: ConsumerHealth) -> ServedApi {
    let methods = api.methods().iter().map(|method| ServedMethod {
        name: method.name().to_owned(),
        idempotent: method.is_idempotent(),
        timeout_ms: method.timeout().map(whole_milliseconds),
    });
    let KnownApi { api, version, hash } = known;
    let (concurrency, prefetch) = limits;
    let ConsumerHealth { consuming, problem, .. } = health;
    ServedApi { api, version, hash, concurrency, prefetch, consuming, problem, methods: methods.collect() }
}

fn subscription(
    registered: &RegisteredConsumer,
    setup: &SubscriptionSetup,
    api: Option<KnownApi>,
    health: ConsumerHealth,
) -> SubscriptionInfo {
    SubscriptionInfo {
        name: registered.name.clone(),
        pattern: setup.pattern.clone(),
        api,
        retries_ms: setup.retries.iter().copied().map(whole_milliseconds).collect(),
        concurrency: setup.concurrency,
        prefetch: setup.prefetch,
        handler_timeout_ms: whole_milliseconds(setup.handler_timeout),
        dedupe: setup.dedupe,
        repeats: health.repeats,
        consuming: health.consuming,
        problem: health.problem,
    }
}
