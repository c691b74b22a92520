//! Reads the settings from their layers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

use super::BusUrl;
use crate::duration;
use crate::error::Error;
use crate::protocol::name::Namespace;

const PREFIX: &str = "LIGHTBUS_";

/// Variables that belong to tests of Lightbus and of its users.
const RESERVED: &str = "LIGHTBUS_TEST_";

/// Names a file to read in place of `lightbus.toml`. That file must exist.
const FILE_VARIABLE: &str = "LIGHTBUS_CONFIG";

/// Every setting of a bus, checked.
///
/// An application that has a configuration file of its own can keep them in a table of that file, and hand them to
/// [`BusBuilder::settings`](crate::BusBuilder::settings). What the table leaves out has its default, and a key that is not a
/// setting is an error:
///
/// ```
/// # use lightbus::Bus;
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// #[derive(serde::Deserialize)]
/// struct Configuration {
///     database: String,
///     bus: lightbus::config::Settings,
/// }
///
/// let file = r#"
///     database = "postgres://localhost/warranty"
///
///     [bus]
///     url = "amqp://warranty:secret@broker.company.example/prod"
///     call_timeout = "2s"
/// "#;
/// let configuration: Configuration = toml::from_str(file)?;
/// let bus = Bus::service("warranty").settings(configuration.bus).connect().await?;
/// # Ok(()) }
/// ```
///
/// Durations are text such as `"5s"`. Serialized, the URL has `***` in place of its password; such a URL cannot be
/// deserialized again.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Settings {
    /// The address of the bus. Default: `amqp://guest:guest@localhost:5672`, a fresh RabbitMQ.
    pub url: BusUrl,
    /// Separates buses on one broker. Default: `lightbus`.
    pub namespace: Namespace,
    /// How long to try for the first connection. Default: 30 s.
    #[serde(serialize_with = "duration::serialize")]
    pub connect_timeout: Duration,
    /// How long a call waits for its reply. Default: 5 s.
    #[serde(serialize_with = "duration::serialize")]
    pub call_timeout: Duration,
    /// How long `publish` waits for the broker's confirm. Default: 10 s.
    #[serde(serialize_with = "duration::serialize")]
    pub publish_timeout: Duration,
    /// How long a shutdown waits for handlers to finish. Default: 20 s.
    #[serde(serialize_with = "duration::serialize")]
    pub shutdown_timeout: Duration,
    /// How many calls of one API this process runs at a time. Default: 64.
    pub call_concurrency: u16,
    /// How many events of one subscription this process handles at a time. Default: 16.
    pub event_concurrency: u16,
    /// How long a handler may take for one event. Default: 5 minutes.
    #[serde(serialize_with = "duration::serialize")]
    pub event_time_limit: Duration,
    /// The largest body sent or accepted, in bytes. Default: 16 MiB, the broker's own default from RabbitMQ 4.0 on.
    pub max_message_size: usize,
    /// The kind of queue that calls wait in. Default: classic.
    pub rpc_queue_type: QueueType,
    /// How long the queue of an API stays after its last server stopped. Default: 30 seconds.
    #[serde(serialize_with = "duration::serialize")]
    pub rpc_queue_expiry: Duration,
    /// How many of the last messages the process keeps a record of. 0 keeps none. Default: 4,096.
    pub recorder_size: usize,
    /// A file of CA certificates (PEM) to trust in place of the system's. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca_file: Option<PathBuf>,
}

/// The kind of queue that calls wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum QueueType {
    /// The fastest. Calls that wait in it are lost with their node, and their callers time out.
    #[default]
    Classic,
    /// Replicated over a cluster: survives the loss of a node, at more than twice the latency.
    Quorum,
}

impl TryFrom<String> for QueueType {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "classic" => Ok(Self::Classic),
            "quorum" => Ok(Self::Quorum),
            other => Err(format!("{other:?} is not a type of queue. Write \"classic\" or \"quorum\"")),
        }
    }
}

/// The settings as one layer gives them: any of them may be missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layer {
    pub(crate) url: Option<String>,
    pub(crate) namespace: Option<String>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) connect_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) call_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) publish_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) call_concurrency: Option<u16>,
    pub(crate) event_concurrency: Option<u16>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) event_time_limit: Option<Duration>,
    pub(crate) max_message_size: Option<usize>,
    pub(crate) rpc_queue_type: Option<QueueType>,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(crate) rpc_queue_expiry: Option<Duration>,
    pub(crate) recorder_size: Option<usize>,
    pub(crate) tls_ca_file: Option<PathBuf>,
}

/// The name of every setting.
pub(super) const KEYS: [&str; 14] = [
    "url",
    "namespace",
    "connect_timeout",
    "call_timeout",
    "publish_timeout",
    "shutdown_timeout",
    "call_concurrency",
    "event_concurrency",
    "event_time_limit",
    "max_message_size",
    "rpc_queue_type",
    "rpc_queue_expiry",
    "recorder_size",
    "tls_ca_file",
];

impl Settings {
    /// Puts the layers over each other: the defaults, the file (or the application's own settings in its place), the
    /// environment, and the builder.
    pub(crate) fn load(builder: Layer, application: Option<Self>) -> Result<Self, Error> {
        Self::resolve(
            builder,
            application,
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    fn resolve(
        builder: Layer,
        application: Option<Self>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let environment: HashMap<String, String> =
            environment.into_iter().filter(|(variable, _)| variable.starts_with(PREFIX)).collect();
        let layer = read_layers(environment, application.is_some())
            .map_err(|error| Error::InvalidConfiguration { reason: error.to_string() })?;
        let base = application.map_or_else(Self::defaults, Ok)?;
        base.under(builder.over(layer))?.checked()
    }

    /// The settings that one table holds, over the defaults.
    pub(super) fn from_table(table: Layer) -> Result<Self, Error> {
        Self::without_environment(table, None)
    }

    /// The defaults or the application's own settings, and the builder's over them.
    pub(crate) fn without_environment(builder: Layer, application: Option<Self>) -> Result<Self, Error> {
        application.map_or_else(Self::defaults, Ok)?.under(builder)?.checked()
    }

    fn defaults() -> Result<Self, Error> {
        Ok(Self {
            url: BusUrl::parse("amqp://guest:guest@localhost:5672")?,
            namespace: Namespace::new("lightbus")?,
            connect_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(5),
            publish_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(20),
            call_concurrency: 64,
            event_concurrency: 16,
            event_time_limit: Duration::from_secs(300),
            max_message_size: 16 * 1024 * 1024,
            rpc_queue_type: QueueType::default(),
            rpc_queue_expiry: Duration::from_secs(30),
            recorder_size: 4096,
            tls_ca_file: None,
        })
    }

    /// These settings, except where `layer` has others.
    fn under(self, layer: Layer) -> Result<Self, Error> {
        Ok(Self {
            url: layer.url.map_or(Ok(self.url), |url| BusUrl::parse(&url))?,
            namespace: layer.namespace.map_or(Ok(self.namespace), |name| Namespace::new(&name))?,
            connect_timeout: layer.connect_timeout.unwrap_or(self.connect_timeout),
            call_timeout: layer.call_timeout.unwrap_or(self.call_timeout),
            publish_timeout: layer.publish_timeout.unwrap_or(self.publish_timeout),
            shutdown_timeout: layer.shutdown_timeout.unwrap_or(self.shutdown_timeout),
            call_concurrency: layer.call_concurrency.unwrap_or(self.call_concurrency),
            event_concurrency: layer.event_concurrency.unwrap_or(self.event_concurrency),
            event_time_limit: layer.event_time_limit.unwrap_or(self.event_time_limit),
            max_message_size: layer.max_message_size.unwrap_or(self.max_message_size),
            rpc_queue_type: layer.rpc_queue_type.unwrap_or(self.rpc_queue_type),
            rpc_queue_expiry: layer.rpc_queue_expiry.unwrap_or(self.rpc_queue_expiry),
            recorder_size: layer.recorder_size.unwrap_or(self.recorder_size),
            tls_ca_file: layer.tls_ca_file.or(self.tls_ca_file),
        })
    }

    fn checked(self) -> Result<Self, Error> {
        for (setting, duration) in [
            ("connect_timeout", self.connect_timeout),
            ("call_timeout", self.call_timeout),
            ("publish_timeout", self.publish_timeout),
            ("event_time_limit", self.event_time_limit),
            ("rpc_queue_expiry", self.rpc_queue_expiry),
        ] {
            if duration.is_zero() {
                return Err(Error::invalid_setting(setting, "it is zero", "write a duration such as \"5s\""));
            }
        }
        for (setting, count) in
            [("call_concurrency", self.call_concurrency), ("event_concurrency", self.event_concurrency)]
        {
            if count == 0 {
                let reason = "it is zero, so nothing would ever run";
                return Err(Error::invalid_setting(setting, reason, "write 1 or more"));
            }
        }
        if self.max_message_size == 0 {
            let reason = "it is zero, so no message could be sent";
            return Err(Error::invalid_setting("max_message_size", reason, "write a number of bytes such as 16777216"));
        }
        Ok(self)
    }
}

fn read_layers(mut environment: HashMap<String, String>, without_file: bool) -> Result<Layer, config::ConfigError> {
    let mut layers = config::Config::builder();
    match environment.remove(FILE_VARIABLE) {
        Some(_) if without_file => {
            tracing::warn!("{FILE_VARIABLE} is ignored, because the application gives the settings of the bus itself")
        }
        Some(path) => {
            layers = layers.add_source(File::from(Path::new(&path).to_owned()).format(FileFormat::Toml));
        }
        None if without_file => {}
        None => layers = layers.add_source(File::new("lightbus.toml", FileFormat::Toml).required(false)),
    }
    environment.retain(|variable, _| {
        let key = variable[PREFIX.len()..].to_ascii_lowercase();
        let known = KEYS.contains(&key.as_str());
        if !known && !variable.starts_with(RESERVED) {
            tracing::warn!("the environment variable {variable} is not a setting of Lightbus and is ignored");
        }
        known
    });
    let variables = Environment::with_prefix("LIGHTBUS").prefix_separator("_").source(Some(environment));
    layers.add_source(variables).build()?.try_deserialize()
}

impl Layer {
    fn over(self, below: Self) -> Self {
        Self {
            url: self.url.or(below.url),
            namespace: self.namespace.or(below.namespace),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            call_timeout: self.call_timeout.or(below.call_timeout),
            publish_timeout: self.publish_timeout.or(below.publish_timeout),
            shutdown_timeout: self.shutdown_timeout.or(below.shutdown_timeout),
            call_concurrency: self.call_concurrency.or(below.call_concurrency),
            event_concurrency: self.event_concurrency.or(below.event_concurrency),
            event_time_limit: self.event_time_limit.or(below.event_time_limit),
            max_message_size: self.max_message_size.or(below.max_message_size),
            rpc_queue_type: self.rpc_queue_type.or(below.rpc_queue_type),
            rpc_queue_expiry: self.rpc_queue_expiry.or(below.rpc_queue_expiry),
            recorder_size: self.recorder_size.or(below.recorder_size),
            tls_ca_file: self.tls_ca_file.or(below.tls_ca_file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(builder: Layer, environment: &[(&str, &str)]) -> Result<Settings, Error> {
        Settings::resolve(builder, None, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    fn file(name: &str, contents: &str) -> String {
        let path = std::env::temp_dir().join(format!("lightbus-settings-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, contents).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    fn refusal(environment: &[(&str, &str)]) -> String {
        format!("{:#}", resolve(Layer::default(), environment).unwrap_err())
    }

    #[test]
    fn the_defaults_hold_without_settings() {
        let settings = resolve(Layer::default(), &[("PATH", "/bin")]).unwrap();
        assert_eq!(settings.url.to_string(), "amqp://guest:***@localhost:5672");
        assert_eq!(settings.namespace.as_str(), "lightbus");
        assert_eq!(settings.call_timeout, Duration::from_secs(5));
        assert_eq!((settings.call_concurrency, settings.event_concurrency), (64, 16));
        assert_eq!(settings.event_time_limit, Duration::from_secs(300));
        assert_eq!(settings.max_message_size, 16 * 1024 * 1024);
        assert_eq!(settings.rpc_queue_type, QueueType::Classic);
    }

    #[test]
    fn each_layer_covers_the_one_below() {
        let path = file("layers", "namespace = \"file\"\ncall_timeout = \"1s\"\ncall_concurrency = 7\n");
        let environment = [
            ("LIGHTBUS_CONFIG", path.as_str()),
            ("LIGHTBUS_NAMESPACE", "env"),
            ("LIGHTBUS_CALL_TIMEOUT", "250ms"),
            ("LIGHTBUS_EVENT_CONCURRENCY", "9"),
            ("LIGHTBUS_RPC_QUEUE_TYPE", "quorum"),
        ];
        let builder = Layer { namespace: Some("builder".into()), ..Layer::default() };
        let settings = resolve(builder, &environment).unwrap();
        assert_eq!(settings.namespace.as_str(), "builder");
        assert_eq!(settings.call_timeout, Duration::from_millis(250));
        assert_eq!((settings.call_concurrency, settings.event_concurrency), (7, 9));
        assert_eq!(settings.rpc_queue_type, QueueType::Quorum);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn numbers_in_the_environment_may_be_names() {
        let settings = resolve(Layer::default(), &[("LIGHTBUS_NAMESPACE", "a1")]).unwrap();
        assert_eq!(settings.namespace.as_str(), "a1");
        assert!(refusal(&[("LIGHTBUS_NAMESPACE", "1")]).contains("cannot be used as a namespace"));
    }

    #[test]
    fn a_typo_in_the_file_is_named_with_what_there_is() {
        let path = file("typo", "nmaespace = \"alice\"\n");
        let text = refusal(&[("LIGHTBUS_CONFIG", &path)]);
        assert!(text.contains("nmaespace") && text.contains("namespace") && text.contains("lightbus.toml"), "{text}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_was_asked_for_has_to_be_there() {
        assert!(refusal(&[("LIGHTBUS_CONFIG", "/nowhere/lightbus.toml")]).contains("/nowhere/lightbus.toml"));
    }

    #[test]
    fn settings_of_the_application_take_the_place_of_the_file() {
        let path = file("application", "namespace = \"file\"\n");
        let application: Settings = toml::from_str("namespace = \"own\"\ncall_timeout = \"1s\"").unwrap();
        let environment = [("LIGHTBUS_CONFIG", path.as_str()), ("LIGHTBUS_CALL_TIMEOUT", "250ms")];
        let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let settings = Settings::resolve(Layer::default(), Some(application), environment).unwrap();
        assert_eq!((settings.namespace.as_str(), settings.call_timeout), ("own", Duration::from_millis(250)));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn settings_that_the_application_has_changed_are_checked_again() {
        let mut application: Settings = toml::from_str("").unwrap();
        application.call_timeout = Duration::ZERO;
        let refusal = Settings::resolve(Layer::default(), Some(application), []).unwrap_err();
        assert!(refusal.to_string().contains("call_timeout"), "{refusal}");
    }

    #[test]
    fn other_variables_are_ignored() {
        assert!(resolve(Layer::default(), &[("LIGHTBUS_TEST_URL", "x"), ("LIGHTBUS_NMAESPACE", "y")]).is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert!(refusal(&[("LIGHTBUS_CALL_TIMEOUT", "soon")]).contains("call_timeout"));
        assert!(refusal(&[("LIGHTBUS_CALL_TIMEOUT", "0s")]).contains("call_timeout"));
        assert!(refusal(&[("LIGHTBUS_CONNECT_TIMEOUT", "0s")]).contains("connect_timeout"));
        assert!(refusal(&[("LIGHTBUS_MAX_MESSAGE_SIZE", "0")]).contains("max_message_size"));
        assert!(refusal(&[("LIGHTBUS_EVENT_TIME_LIMIT", "0s")]).contains("event_time_limit"));
        assert!(refusal(&[("LIGHTBUS_CALL_CONCURRENCY", "0")]).contains("call_concurrency"));
        assert!(refusal(&[("LIGHTBUS_CALL_CONCURRENCY", "many")]).contains("call_concurrency"));
        assert!(refusal(&[("LIGHTBUS_RPC_QUEUE_TYPE", "stream")]).contains("classic"));
        assert!(refusal(&[("LIGHTBUS_URL", "localhost")]).contains("amqp://user:password@host"));
    }
}
