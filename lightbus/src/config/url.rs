//! Where the bus is.

use std::fmt;

use url::Url;

use crate::error::Error;

/// Where the bus is, parsed and checked. However it is shown, it is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl {
    location: Location,
}

/// The transport that a URL asks for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A bus in this process: new for every connection, or shared by its name.
    Memory { name: Option<String> },
    /// RabbitMQ.
    Amqp(Url),
}

impl BusUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason: String| Error::InvalidSetting { setting: "url", reason };
        let expected = "Write amqp://user:password@host:5672/vhost, amqps://… for TLS, memory:// or memory://name";
        // The text itself may hold a password, so an error never repeats it.
        let url = Url::parse(text).map_err(|error| refuse(format!("it is no URL ({error}). {expected}")))?;
        let location = match url.scheme() {
            "memory" => Location::Memory { name: url.host_str().filter(|name| !name.is_empty()).map(str::to_owned) },
            "amqps" if !cfg!(feature = "tls") => {
                let reason = "amqps:// needs TLS, and Lightbus was built without it. Turn on its cargo feature `tls`";
                return Err(refuse(reason.to_owned()));
            }
            "amqp" | "amqps" if url.host_str().is_none_or(str::is_empty) => {
                return Err(refuse(format!("it names no host. {expected}")));
            }
            "amqp" | "amqps" => Location::Amqp(url),
            scheme => return Err(refuse(format!("there is no transport for {scheme}://. {expected}"))),
        };
        Ok(Self { location })
    }

    /// RabbitMQ, at a URL that has been checked.
    pub(crate) fn amqp(url: Url) -> Self {
        Self { location: Location::Amqp(url) }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::Memory { name } => write!(f, "memory://{}", name.as_deref().unwrap_or_default()),
            Location::Amqp(url) => {
                let mut shown = url.clone();
                // It cannot fail on a URL with a host; if it did, nothing shown would be better than a password.
                if url.password().is_some() && shown.set_password(Some("***")).is_err() {
                    return f.write_str("(a URL whose password cannot be hidden)");
                }
                shown.set_query(None);
                write!(f, "{shown}")
            }
        }
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        let url = BusUrl::parse("amqp://shop:s3cret@broker:5672/prod?token=s3cret").map(|url| format!("{url} {url:?}"));
        assert_eq!(url.ok().as_deref(), Some("amqp://shop:***@broker:5672/prod amqp://shop:***@broker:5672/prod"));
        for bad in ["amqp//shop:s3cret@broker", "http://shop:s3cret@broker", "amqp://shop:s3cret@"] {
            let error = BusUrl::parse(bad).map_err(|error| format!("{error} {error:?}"));
            assert!(error.is_err_and(|text| !text.contains("s3cret")), "{bad}");
        }
    }

    #[test]
    fn memory_buses_are_shared_by_name() {
        let location = |text| BusUrl::parse(text).map(|url| url.location);
        assert!(matches!(location("memory://"), Ok(Location::Memory { name: None })));
        assert!(matches!(location("memory://company"), Ok(Location::Memory { name: Some(name) }) if name == "company"));
    }
}
