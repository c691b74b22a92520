//! Builds a connection.

use std::fmt;
use std::future::Future;
use std::iter::repeat_with;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::facts::Facts;
use super::registry::Registry;
use super::{Bus, Inner};
use crate::config::{Layer as SettingsLayer, QueueType, Settings};
use crate::error::Error;
use crate::event::{DeadLetter, DeadLetterHook, Publisher, PublisherSettings};
use crate::layer::{Layer, Layers};
use crate::meter::Meters;
use crate::protocol::headers;
use crate::protocol::name::ServiceName;
use crate::rpc::{Caller, CallerSettings};
use crate::runtime::bus_runtime::BusRuntime;
#[cfg(feature = "testing")]
use crate::runtime::causes::Causes;
use crate::runtime::sync::Flag;
use crate::transport::{self, Transport};

/// The host, and the name of the process.
type Process = (String, Arc<str>);

/// Builds a connection to the bus. Returned by [`Bus::service`].
///
/// Every setting may also come from the environment, from `lightbus.toml`, or from
/// [the application's own file](Self::settings). Settings made here take precedence.
#[must_use = "nothing is connected before `connect`"]
pub struct BusBuilder {
    service: String,
    version: String,
    settings: SettingsLayer,
    application: Option<Settings>,
    on_dead_letter: Option<DeadLetterHook>,
    pass_on_headers: Vec<SmolStr>,
    layers: Layers,
    #[cfg(feature = "testing")]
    test_bus: Option<TestBusMember>,
}

#[cfg(feature = "testing")]
pub(crate) type JoinTestBus = Box<dyn FnOnce(&Settings) -> Arc<dyn Transport> + Send + Sync>;

/// How to join the bus of a test, in place of the one that the settings name.
#[cfg(feature = "testing")]
pub(crate) struct TestBusMember {
    pub(crate) causes: Causes,
    pub(crate) join: JoinTestBus,
}

impl BusBuilder {
    pub(super) fn new(service: String) -> Self {
        Self {
            service,
            version: String::new(),
            settings: SettingsLayer::default(),
            application: None,
            on_dead_letter: None,
            pass_on_headers: Vec::new(),
            layers: Layers::default(),
            #[cfg(feature = "testing")]
            test_bus: None,
        }
    }

    /// Builds a connection to the bus of a test.
    #[cfg(feature = "testing")]
    pub(crate) fn on_test_bus(service: String, member: TestBusMember) -> Self {
        Self { test_bus: Some(member), ..Self::new(service) }.url("memory://")
    }

    /// Uses the application's own settings in place of `lightbus.toml`, which is not read then. Environment variables and
    /// the other methods of the builder override them.
    ///
    /// [`Settings`] shows how to keep them in a table of the application's configuration file.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.application = Some(settings);
        self
    }

    /// Sets the version of the application, which [introspection](crate::introspection) shows:
    /// `.version(env!("CARGO_PKG_VERSION"))`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets where the bus is: `amqp://user:password@host:5672/vhost`, `amqps://…` for TLS, `memory://` for a new bus inside
    /// this process, or `memory://name` for one that everything in this process shares by that name.
    ///
    /// A cluster is a list of hosts: `amqp://user:password@host1:5672,host2:5672,host3:5672/vhost`. The process connects to
    /// one of them, and to another one if that is lost.
    ///
    /// Environment: `LIGHTBUS_URL`. Default: `amqp://guest:guest@localhost:5672`.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.settings.url = Some(url.into());
        self
    }

    /// Sets the namespace. Each namespace of a broker is a bus of its own, for developers who share a broker.
    ///
    /// Environment: `LIGHTBUS_NAMESPACE`. Default: `lightbus`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = Some(namespace.into());
        self
    }

    /// Sets how long to try for the first connection.
    ///
    /// Environment: `LIGHTBUS_CONNECT_TIMEOUT`. Default: 30 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = Some(timeout);
        self
    }

    /// Sets how long a call waits for its reply, unless its method or the call itself says otherwise.
    ///
    /// Environment: `LIGHTBUS_CALL_TIMEOUT`. Default: 5 s.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.settings.call_timeout = Some(timeout);
        self
    }

    /// Sets how long `publish` waits for the broker to persist an event.
    ///
    /// Environment: `LIGHTBUS_PUBLISH_TIMEOUT`. Default: 10 s.
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.settings.publish_timeout = Some(timeout);
        self
    }

    /// Sets how long a shutdown waits for running handlers, which it then aborts, and for the events that are being
    /// published.
    ///
    /// Environment: `LIGHTBUS_SHUTDOWN_TIMEOUT`. Default: 20 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = Some(timeout);
        self
    }

    /// Sets how many calls of one API this process runs at a time, unless [`Serve::concurrency`](super::Serve::concurrency)
    /// says otherwise.
    ///
    /// Environment: `LIGHTBUS_CALL_CONCURRENCY`. Default: 64.
    pub fn call_concurrency(mut self, calls: u16) -> Self {
        self.settings.call_concurrency = Some(calls);
        self
    }

    /// Sets how many events of one subscription this process handles at a time, unless
    /// [`Subscribe::concurrency`](super::Subscribe::concurrency) says otherwise.
    ///
    /// Environment: `LIGHTBUS_EVENT_CONCURRENCY`. Default: 16.
    pub fn event_concurrency(mut self, events: u16) -> Self {
        self.settings.event_concurrency = Some(events);
        self
    }

    /// Sets how long a handler may take for one event, unless [`Subscribe::handler_timeout`](super::Subscribe::handler_timeout) says
    /// otherwise. One that takes longer is cancelled, and the attempt has failed.
    ///
    /// Environment: `LIGHTBUS_EVENT_TIME_LIMIT`. Default: 5 minutes.
    pub fn event_time_limit(mut self, limit: Duration) -> Self {
        self.settings.event_time_limit = Some(limit);
        self
    }

    /// Sets the largest body that is sent or accepted, in bytes.
    ///
    /// Environment: `LIGHTBUS_MAX_MESSAGE_SIZE`. Default: 16 MiB, the broker's own default from RabbitMQ 4.0 on.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.settings.max_message_size = Some(bytes);
        self
    }

    /// Sets the type of the queues that calls wait in. It must be the same in every process that serves the API or calls it.
    ///
    /// Environment: `LIGHTBUS_RPC_QUEUE_TYPE` (`classic` or `quorum`). Default: classic.
    pub fn rpc_queue_type(mut self, queue_type: QueueType) -> Self {
        self.settings.rpc_queue_type = Some(queue_type);
        self
    }

    /// How long the queue of an API stays after its last server stopped. Until then calls wait in it for the next server;
    /// after that they fail at once. It must be the same in every process that serves the API.
    ///
    /// Environment: `LIGHTBUS_RPC_QUEUE_EXPIRY`. Default: 30 s.
    pub fn rpc_queue_expiry(mut self, expiry: Duration) -> Self {
        self.settings.rpc_queue_expiry = Some(expiry);
        self
    }

    /// Sets how many of the last messages this process keeps a record of, for [`Bus::recent`]. 0 keeps
    /// none.
    ///
    /// Environment: `LIGHTBUS_RECORDER_SIZE`. Default: 4,096, which take at most about 1 MiB.
    pub fn recorder_size(mut self, messages: usize) -> Self {
        self.settings.recorder_size = Some(messages);
        self
    }

    /// Sets a file of CA certificates (PEM) to trust for `amqps://`, instead of the system's.
    ///
    /// Environment: `LIGHTBUS_TLS_CA_FILE`. Default: the system's certificates.
    pub fn tls_ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.tls_ca_file = Some(file.into());
        self
    }

    /// Sets a function that is called whenever a handler of this process gives up an event, which then is a dead letter: to
    /// alert somebody, say. The next event does not wait for it, but a shutdown does. The letter is on the broker by then.
    ///
    /// It is not called for the dead letters that the broker makes by itself: of events that processes died of.
    ///
    /// ```
    /// use lightbus::event::DeadLetter;
    /// use lightbus::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = Bus::service("warranty")
    ///     .url("memory://")
    ///     .on_dead_letter(|letter: DeadLetter| async move {
    ///         eprintln!("{} failed on {} for good: {}", letter.subscription, letter.id, letter.error);
    ///     })
    ///     .connect()
    ///     .await?;
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn on_dead_letter<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(DeadLetter) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.on_dead_letter = Some(DeadLetterHook::new(hook));
        self
    }

    /// Names headers that a handler's calls and events take over from the message that it handles:
    /// `.pass_on_headers(["x-tenant"])`. By default none goes on.
    ///
    /// A header that the call or the event sets itself comes first. As with deadlines, what a spawned task sends takes over
    /// nothing unless it is given the [`Context`](crate::Context).
    pub fn pass_on_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.pass_on_headers.extend(names.into_iter().map(|name| SmolStr::new(name.as_ref())));
        self
    }

    /// Adds a [layer](crate::layer) around every call and event of this process: those that it makes and publishes, and those
    /// that it answers and handles. A layer tells them apart by [`Message::occasion`](crate::layer::Message::occasion).
    ///
    /// The layer that is added first is the outermost.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.add(layer);
        self
    }

    /// Connects. If the broker cannot be reached it keeps trying, for `connect_timeout` in all, and the log says why.
    ///
    /// The bus then runs on the tokio runtime that this is awaited on. If the future is dropped, nothing stays connected.
    ///
    /// # Errors
    ///
    /// Fails if a setting or the service's name cannot be used, there is no tokio runtime, or no connection could be made in
    /// time. The error names the URL without its password, the cause, and what to try.
    pub async fn connect(mut self) -> Result<Bus, Error> {
        let service = ServiceName::new(&self.service)?;
        for name in &self.pass_on_headers {
            headers::check(name)
                .map_err(|error| Error::invalid_setting("pass_on_headers", error.to_string(), error.help()))?;
        }
        let runtime = BusRuntime::current().ok_or(Error::NoRuntime)?;
        let host = gethostname::gethostname();
        let process: Process =
            (host.display().to_string(), format!("{service}@{}:{}", host.display(), std::process::id()).into());
        #[cfg(feature = "testing")]
        if let Some(TestBusMember { causes, join }) = self.test_bus.take() {
            let settings = Settings::without_environment(std::mem::take(&mut self.settings), self.application.take())?;
            let transport = join(&settings);
            let runtime = runtime.counting(causes);
            return Ok(self.assemble(service, process, settings, runtime, transport));
        }
        let settings = Settings::load(std::mem::take(&mut self.settings), self.application.take())?;
        let transport = transport::connect(&settings, &service, &process.1).await?;
        Ok(self.assemble(service, process, settings, runtime, transport))
    }

    fn assemble(
        self,
        service: ServiceName,
        (host, process): Process,
        settings: Settings,
        runtime: BusRuntime,
        transport: Arc<dyn Transport>,
    ) -> Bus {
        let pass_on_headers: Arc<[SmolStr]> = self.pass_on_headers.into();
        let runtime = Arc::new(runtime);
        let random: String = repeat_with(fastrand::alphanumeric).take(8).collect();
        let id = format_smolstr!("{process}-{random}");
        let caller_settings = CallerSettings {
            service: service.clone(),
            timeout: settings.call_timeout,
            max_message_size: settings.max_message_size,
            pass_on_headers: Arc::clone(&pass_on_headers),
            layers: self.layers.clone(),
        };
        let publisher_settings = PublisherSettings {
            service: service.clone(),
            timeout: settings.publish_timeout,
            max_message_size: settings.max_message_size,
            pass_on_headers,
            layers: self.layers.clone(),
        };
        let meters = Arc::new(Meters::new(settings.recorder_size));
        let inner = Inner {
            meters: Arc::clone(&meters),
            caller: Caller::new(caller_settings, Arc::clone(&transport), Arc::clone(&runtime)),
            publisher: Publisher::new(publisher_settings, Arc::clone(&transport), Arc::clone(&runtime), meters),
            service,
            process,
            settings,
            runtime,
            transport,
            registry: Registry::default(),
            facts: Facts::new(id, host, self.version),
            remembered: Arc::default(),
            on_dead_letter: self.on_dead_letter,
            layers: self.layers,
            draining: Flag::default(),
            closed: Flag::default(),
            shut_down: Flag::default(),
        };
        let bus = Bus { inner: Arc::new(inner) };
        bus.answer_questions();
        bus.watch_for_conflicts();
        bus
    }
}

impl fmt::Debug for BusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("BusBuilder").field("service", &self.service).finish_non_exhaustive()
    }
}
