//! What a process knows of itself, for those who ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smol_str::SmolStr;

use super::conflicts::Changes;
use crate::api::ApiDescriptor;
use crate::builtin::KnownApi;
use crate::runtime::guard::catch;
use crate::runtime::sync::lock;

/// What a process knows of itself, apart from its consumers.
#[derive(Debug)]
pub(super) struct Facts {
    /// The id of the process, which no other process has.
    pub(super) id: SmolStr,
    pub(super) host: String,
    pub(super) version: String,
    pub(super) started: SystemTime,
    /// The APIs that it may publish the events of.
    pub(super) publishes: ApiList,
    /// The APIs that it has clients of.
    pub(super) calls: ApiList,
    pub(super) changes: Changes,
    schemas: Schemas,
}

/// How a consumer was set up.
#[derive(Debug)]
pub(super) enum Setup {
    Api { api: &'static ApiDescriptor, concurrency: u16, prefetch: u16 },
    Subscription(SubscriptionSetup),
}

/// How a subscription was set up.
#[derive(Debug)]
pub(super) struct SubscriptionSetup {
    pub(super) pattern: String,
    /// The API of its event. `None` for a pattern.
    pub(super) api: Option<&'static ApiDescriptor>,
    pub(super) retries: Vec<Duration>,
    pub(super) concurrency: u16,
    pub(super) prefetch: u16,
    pub(super) handler_timeout: Duration,
    pub(super) dedupe: bool,
}

/// APIs, each once.
#[derive(Debug, Default)]
pub(super) struct ApiList(Mutex<Vec<&'static ApiDescriptor>>);

/// The schemas of APIs, each created on first use.
#[derive(Debug, Default)]
struct Schemas(Mutex<HashMap<&'static str, Arc<OnceLock<Option<Schema>>>>>);

/// The schema of an API, as others get it.
#[derive(Debug, Clone)]
struct Schema {
    hash: String,
    json: Arc<str>,
}

impl Facts {
    pub(super) fn new(id: SmolStr, host: String, version: String) -> Self {
        Self {
            id,
            host,
            version,
            started: SystemTime::now(),
            publishes: ApiList::default(),
            calls: ApiList::default(),
            changes: Changes::default(),
            schemas: Schemas::default(),
        }
    }

    pub(super) fn known(&self, api: &'static ApiDescriptor) -> KnownApi {
        let hash = self.schemas.of(api).map(|schema| schema.hash).unwrap_or_default();
        let version = api.version().unwrap_or_default().to_owned();
        KnownApi { api: api.name().to_owned(), version, hash }
    }

    /// The schema with that hash, as JSON, if one of the APIs has it.
    pub(super) fn schema(
        &self,
        hash: &str,
        apis: impl IntoIterator<Item = &'static ApiDescriptor>,
    ) -> Option<Arc<str>> {
        let schemas = apis.into_iter().filter_map(|api| self.schemas.of(api));
        schemas.into_iter().find(|schema| schema.hash == hash).map(|schema| schema.json)
    }
}

impl ApiList {
    /// Adds an API unless it is there. Returns whether it is new. Clients are made often, so that has to be quick.
    pub(super) fn add(&self, api: &'static ApiDescriptor) -> bool {
        let mut apis = lock(&self.0);
        let is_new = !apis.iter().any(|known| std::ptr::eq(*known, api) || known.name() == api.name());
        if is_new {
            apis.push(api);
        }
        is_new
    }

    pub(super) fn all(&self) -> Vec<&'static ApiDescriptor> {
        lock(&self.0).clone()
    }
}

impl Schemas {
    /// The schema of an API. `None` if making it panics, as the application's types may.
    fn of(&self, api: &'static ApiDescriptor) -> Option<Schema> {
        let schema = Arc::clone(lock(&self.0).entry(api.name()).or_default());
        schema.get_or_init(|| catch(|| Schema::of(api)).ok()).clone()
    }
}

impl Schema {
    fn of(api: &ApiDescriptor) -> Self {
        let schema = api.schema();
        let json = serde_json::to_string(&schema).unwrap_or_default();
        Self { hash: schema.hash().to_string(), json: json.into() }
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    whole_milliseconds(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
