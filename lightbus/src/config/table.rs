//! Settings as a table of an application's own configuration.

use std::fmt::Display;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BusUrl, Layer, Settings};

/// What [`BusUrl`] shows in place of a password.
const HIDDEN: &str = ":***@";

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = Layer::deserialize(deserializer)?;
        if table.url.as_deref().is_some_and(|url| url.contains(HIDDEN)) {
            return Err(D::Error::custom(
                "the password in `url` is ***, which stands for one that was hidden. Write the password itself",
            ));
        }
        Self::from_table(table).map_err(|error| D::Error::custom(format_args!("{error:#}")))
    }
}

impl Serialize for BusUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown: &dyn Display = self;
        serializer.collect_str(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::QueueType;

    #[derive(Debug, Deserialize)]
    struct Application {
        port: u16,
        bus: Settings,
    }

    fn application(text: &str) -> Result<Application, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_has_the_defaults_for_what_it_leaves_out() {
        let text = "port = 80\n[bus]\ncall_timeout = \"250ms\"\ncall_concurrency = 7\nrpc_queue_type = \"quorum\"";
        let Application { port, bus } = application(text).unwrap();
        assert_eq!((port, bus.call_timeout, bus.call_concurrency), (80, Duration::from_millis(250), 7));
        assert_eq!((bus.rpc_queue_type, bus.event_concurrency), (QueueType::Quorum, 16));
    }

    #[test]
    fn mistakes_in_a_table_are_named() {
        for (line, expected) in [
            ("nmaespace = \"alice\"", "unknown field `nmaespace`"),
            ("namespace = \"Alice\"", "cannot be used as a namespace"),
            ("call_timeout = \"soon\"", "\"soon\" is not a duration"),
            ("call_timeout = \"0s\"", "the setting `call_timeout` cannot be used"),
            ("url = \"http://broker\"", "the setting `url` cannot be used"),
            ("url = \"amqp://shop:***@broker\"", "Write the password itself"),
        ] {
            let error = application(&format!("port = 80\n[bus]\n{line}")).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_but_for_the_password() {
        let text = "url = \"amqp://shop@broker/prod\"\nshutdown_timeout = \"1m 30s\"\ntls_ca_file = \"ca.pem\"";
        let settings: Settings = toml::from_str(text).unwrap();
        let written = toml::to_string(&settings).unwrap();
        assert!(written.contains("shutdown_timeout = \"1m 30s\""), "{written}");
        let again: Settings = toml::from_str(&written).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), written);
        let secret: Settings = toml::from_str("url = \"amqp://shop:s3cret@broker\"").unwrap();
        assert!(!toml::to_string(&secret).unwrap().contains("s3cret"));
    }
}
