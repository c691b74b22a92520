//! Where the bus is.

use std::fmt;

use url::Url;

use crate::error::Error;

/// Where the bus is, parsed and checked. It is shown without its password always.
#[derive(Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// A bus in this process: `memory://` is new for every connection, `memory://{name}` is shared by name.
    Memory {
        /// The name under which the process shares it.
        name: Option<String>,
    },
    /// RabbitMQ: `amqp://` or, with TLS, `amqps://`.
    Amqp(Url),
}

impl BusUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason: String| Error::InvalidSetting { setting: "url", reason };
        let expected = "Write amqp://user:password@host:5672/vhost, amqps://… for TLS, memory:// or memory://name";
        // The text itself may hold a password, so an error never repeats it.
        let url = Url::parse(text).map_err(|error| refuse(format!("it is no URL ({error}). {expected}")))?;
        match url.scheme() {
            "memory" => Ok(Self::Memory { name: url.host_str().filter(|name| !name.is_empty()).map(str::to_owned) }),
            "amqps" if !cfg!(feature = "tls") => Err(refuse(
                "amqps:// needs TLS, and Lightbus was built without it. Turn on its cargo feature `tls`".to_owned(),
            )),
            "amqp" | "amqps" if url.host_str().is_none_or(str::is_empty) => {
                Err(refuse(format!("it names no host. {expected}")))
            }
            "amqp" | "amqps" => Ok(Self::Amqp(url)),
            scheme => Err(refuse(format!("there is no transport for {scheme}://. {expected}"))),
        }
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { name } => write!(f, "memory://{}", name.as_deref().unwrap_or_default()),
            Self::Amqp(url) => {
                let mut shown = url.clone();
                // Neither can fail on a URL with a host, and a password that stays would be worse than none shown.
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
        assert_eq!(BusUrl::parse("memory://").ok(), Some(BusUrl::Memory { name: None }));
        assert_eq!(BusUrl::parse("memory://company").ok(), Some(BusUrl::Memory { name: Some("company".into()) }));
    }
}
